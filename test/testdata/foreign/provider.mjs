// An OpenID provider that none of us wrote (npm: oidc-provider), with one public
// native client and open registration. Prints one line for each request that it
// answered.
//   node provider.mjs PORT
import { randomBytes } from 'node:crypto';
import Provider from 'oidc-provider';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [{
    client_id: 'dancecard',
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    redirect_uris: ['http://127.0.0.1/callback'],
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    response_types: ['code'],
  }],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email'] },
  cookies: { keys: ['for this test only'] },
  features: {
    deviceFlow: { enabled: true },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    registration: { enabled: true },
    registrationManagement: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: id, name: `The user ${id}`, email: `${id}@example.test` }),
  }),
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  pkce: { required: () => true },
  ttl: { AccessToken: 600, DeviceCode: 600, RefreshToken: 3600, Session: 600, Interaction: 600, Grant: 3600, IdToken: 600 },
});
provider.use(async (ctx, next) => {
  if (ctx.path === '/done') { // where a provider's own page shows what to copy
    ctx.body = 'Copy the address of this page.';
  } else {
    await next();
  }
  const grant = ctx.oidc?.entities?.Client ? ` ${ctx.oidc.params?.grant_type ?? ''}` : '';
  const proof = ctx.get('DPoP') ? ' DPoP' : '';
  console.log(`${ctx.method} ${ctx.path}${grant}${proof} ${ctx.status}`);
});
provider.listen(port, '127.0.0.1', () => console.log('ready'));
