"""The table of providers: rows that can be used, and a way to a client id in each."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from smtps.errors import InputError, TokenError
from smtps.oauth import grants
from smtps.oauth.authority import Registration
from smtps.oauth.forms import GRANTS, Form, all_forms, form_for_host, form_of
from smtps.providers import all_providers


@pytest.mark.parametrize("form", all_forms(), ids=lambda form: form.id)
def test_each_row_has_endpoints_scopes_and_a_way_to_a_client(form: Form) -> None:
    urls = (form.authorization_endpoint, form.token_endpoint, form.issuer, form.device_endpoint)
    assert all(url.startswith("https://") for url in urls if url)
    assert form.token_endpoint is not None or form.issuer is not None
    assert form.scopes
    assert set(form.grants) <= set(GRANTS)
    assert bool(form.device_endpoint) == ("device" in form.grants)
    assert form.closed or len(form.client) == 5
    assert form.links
    assert all(link.startswith("https://") for link in form.links)
    programs = {"client_credentials", "jwt_bearer"} & set(form.grants)
    assert bool(form.app_scopes) == bool(programs)
    if programs:
        assert len(form.how_to_register("client_credentials")) == 5
        assert form.how_to_register("client_credentials") != form.client


def test_names_are_not_used_twice() -> None:
    names = [form.id for form in all_forms()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("smtp.office365.com", "microsoft"),
        ("smtp-mail.outlook.com", "microsoft"),
        ("SMTP.GMAIL.COM.", "google"),
        ("smtp.mail.yahoo.com", "yahoo"),
        ("smtp.aol.com", "aol"),
        ("smtp.fastmail.com", "fastmail"),
        ("smtp.yandex.ru", "yandex"),
        ("mail.thundermail.com", "thundermail"),
        ("smtp.partner.outlook.cn", "microsoft-china"),
    ],
)
def test_a_server_leads_to_its_provider(host: str, name: str) -> None:
    found = form_for_host(host)
    assert found is not None
    assert found.id == name


@pytest.mark.parametrize("host", ["smtp.example.com", "notgmail.com", "gmail.com.example.org"])
def test_another_server_leads_to_none(host: str) -> None:
    assert form_for_host(host) is None


def test_providers_that_have_a_form_are_in_the_table_of_servers() -> None:
    hosts = {host for provider in all_providers() for host in provider.hosts}
    missing = {form.id for form in all_forms()} - {
        form.id for host in hosts if (form := form_for_host(host)) is not None
    }
    assert missing <= {"microsoft-china", "thundermail"}


def registration(provider: str, **more: object) -> Registration:
    values = {"grant": "code", "username": "ann@example.com", "client_id": "c", **more}
    return Registration(form=form_of(provider), **values)  # type: ignore[arg-type]


def test_the_tenant_is_filled_in() -> None:
    ours = registration("microsoft", tenant="contoso.com").authority()
    assert ours.token_endpoint == "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"
    default = registration("microsoft").authority()
    assert "/common/" in default.token_endpoint
    assert ours.public


def test_a_person_and_a_program_ask_for_different_scopes() -> None:
    assert registration("microsoft").wanted_scopes == (
        "https://outlook.office.com/SMTP.Send", "offline_access",
    )  # fmt: skip
    program = registration("microsoft", grant="client_credentials")
    assert program.wanted_scopes == ("https://outlook.office365.com/.default",)
    assert registration("microsoft", scopes=("x",)).wanted_scopes == ("x",)


def test_google_is_asked_for_a_login_that_lasts() -> None:
    ours = registration("google")
    begun = grants.authorization(ours.authority(), ours, "http://127.0.0.1:1/")
    query = parse_qs(urlsplit(begun.url).query)
    assert (query["access_type"], query["prompt"]) == (["offline"], ["consent"])
    assert query["login_hint"] == ["ann@example.com"]
    assert query["code_challenge_method"] == ["S256"]
    assert 43 <= len(begun.verifier) <= 128


def test_endpoints_that_are_given_go_before_the_form() -> None:
    ours = registration("google", token_endpoint="https://127.0.0.1:1/token",
                        authorization_endpoint="https://127.0.0.1:1/authorize")  # fmt: skip
    found = ours.authority()
    assert found.token_endpoint == "https://127.0.0.1:1/token"
    assert not found.public
    assert found.parameters["access_type"] == "offline"
    assert ours.wanted_scopes == ("https://mail.google.com/",)


def test_without_any_endpoint_the_remedy_is_named() -> None:
    ours = Registration(grant="code", username="a", client_id="c")
    with pytest.raises(InputError, match="give provider, issuer, or the endpoints"):
        ours.authority()


def test_an_answer_of_another_than_google_is_refused() -> None:
    ours = registration("google")
    assert ours.metadata_issuer is None
    begun = grants.authorization(ours.authority(), ours, "http://127.0.0.1:1")
    answer = f"http://127.0.0.1:1?code=c&state={begun.state}&iss="
    assert grants.read_redirect(ours.authority(), begun, answer + "https://accounts.google.com")
    with pytest.raises(TokenError) as caught:
        grants.read_redirect(ours.authority(), begun, answer + "https://evil.test")
    assert caught.value.code == "oauth.issuer_mismatch"
