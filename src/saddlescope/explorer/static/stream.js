// Talking to the server: streams of events, and whether it is there at all.

export const PAGE = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");

// Posts something and calls `on(name, content)` for each event that comes back, until the stream ends.
export async function stream(path, body, on, signal) {
  const binary = body instanceof Blob;
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": binary ? "application/octet-stream" : "application/json", "x-page": PAGE },
    body: binary ? body : JSON.stringify(body),
    signal,
  });
  if (!answer.headers.get("content-type")?.startsWith("text/event-stream")) {
    on("refused", { sentence: await sentenceOf(answer) });
    return;
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const [first, second] = event.split("\n");
      on(first.slice(7), JSON.parse(second.slice(6)));
    }
  }
}

async function sentenceOf(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).sentence;
  } catch {
    return text.slice(0, 300);
  }
}

export async function ask(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json", "x-page": PAGE }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(await sentenceOf(answer));
  return answer.json();
}

// A stream that lasts as long as the page: `there(false)` when the server is gone, `there(true)` when it is back.
export function watchServer(there) {
  let source = null;
  const open = () => {
    source = new EventSource("/alive");
    source.addEventListener("alive", () => there(true));
    source.addEventListener("closed", () => there(false));
    source.onerror = () => {
      there(false);
      if (source.readyState !== EventSource.CLOSED) return;
      source.close();
      setTimeout(open, 1000);
    };
  };
  open();
}
