// The console's API as a person's browser uses it: signed in, with cookie and CSRF header.

export interface ConsoleClient {
  get<T>(path: string): Promise<T>;
  send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<{ status: number; body: T }>;
}

export async function signIn(pageUrl: string, password: string): Promise<ConsoleClient> {
  const json = { 'content-type': 'application/json', 'x-requested-with': 'causeway' };
  const answer = await fetch(`${pageUrl}/api/session`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ user: 'admin', password }),
  });
  if (!answer.ok) throw new Error(`sign-in answered ${answer.status}: ${await answer.text()}`);
  const cookie = answer.headers.getSetCookie()[0]!.split(';')[0]!;
  return {
    get: async (path) => {
      const got = await fetch(`${pageUrl}${path}`, { headers: { cookie } });
      if (!got.ok) throw new Error(`${path} answered ${got.status}: ${await got.text()}`);
      return got.json() as never;
    },
    send: async (method, path, body) => {
      const sent = await fetch(`${pageUrl}${path}`, {
        method,
        headers: { ...json, cookie },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await sent.text();
      return { status: sent.status, body: (text === '' ? undefined : JSON.parse(text)) as never };
    },
  };
}
