// Loaded before a client: keeps what the management API answers it, a line each, so that the harness
// can compare it with Auth0's description. The client is as published; only `fetch` is watched.
import { appendFileSync } from 'node:fs';

const { fetch } = globalThis;

globalThis.fetch = async (input, init) => {
  const answer = await fetch(input, init);
  const { pathname, search } = new URL(input.url ?? input);
  if (pathname.startsWith('/api/v2/')) {
    const line = {
      method: init?.method ?? input.method ?? 'GET',
      path: pathname + search,
      status: answer.status,
      content_type: answer.headers.get('content-type') ?? '',
      body: await answer.clone().text(),
    };
    appendFileSync(process.env.ANSWERS, `${JSON.stringify(line)}\n`);
  }
  return answer;
};
