// oidc-provider on HTTPS, with one user who says yes to everything.
import { createServer } from 'node:https';
import { readFileSync } from 'node:fs';

const options = JSON.parse(process.argv[2]);
const { Provider } = await import(`file://${options.modules}/oidc-provider/lib/index.js`);

const issuer = `https://127.0.0.1:${options.port}`;
const provider = new Provider(issuer, {
  clients: options.clients,
  jwks: { keys: options.keys },
  cookies: { keys: ['a key of the tests'] },
  scopes: ['openid', 'offline_access', 'mail'],
  claims: { openid: ['sub'] },
  ttl: {
    AccessToken: options.life, ClientCredentials: options.life, RefreshToken: 86400, Grant: 86400,
    Session: 86400, Interaction: 600, AuthorizationCode: 60, DeviceCode: 600, IdToken: 600,
  },
  rotateRefreshToken: true,
  issueRefreshToken: (ctx, client, code) => client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
  },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});

// The page on which a person would log in and consent.
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  const { prompt, params, session, grantId } = await provider.interactionDetails(ctx.req, ctx.res);
  if (prompt.name === 'login') {
    await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: options.user } });
  } else {
    const grant = grantId ? await provider.Grant.find(grantId)
      : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    await provider.interactionFinished(ctx.req, ctx.res, { consent: { grantId: await grant.save() } },
      { mergeWithLastSubmission: true });
  }
  ctx.respond = false;
  return undefined;
});

provider.on('server_error', (ctx, error) => console.error(error));
const tls = { key: readFileSync(options.pem), cert: readFileSync(options.pem) };
createServer(tls, provider.callback()).listen(options.port, '127.0.0.1', () => console.log('ready'));
