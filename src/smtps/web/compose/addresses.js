// Addresses as people write them in one field.

/** Addresses apart at commas, semicolons and line ends, but not inside quotes or angle brackets. */
export const people = (text) => (text.match(/(?:"[^"]*"|<[^>]*>|[^,;\n"<])+/g) ?? []).map((who) => who.trim()).filter(Boolean);
