// One use of an official package against a server: node clients.cjs ACTION JSON. Prints what came, as one JSON object.
// The packages are found in $PEERS/node_modules.
"use strict";
const fs = require("fs");
const { createRequire } = require("module");
const load = createRequire(process.env.PEERS + "/");

const spoken = (content) => content.filter((b) => b.type === "text").map((b) => b.text).join("");
const problem = (e) => ({
  error: e.constructor.name, status: e.status ?? e.statusCode ?? null, body: e.error ?? e.body ?? null,
});

function anthropic(o) {
  const { Anthropic } = load("@anthropic-ai/sdk");
  return new Anthropic({ apiKey: o.key, baseURL: o.url, maxRetries: o.retries ?? 0 });
}
function openai(o) {
  const { OpenAI } = load("openai");
  return new OpenAI({ apiKey: o.key, baseURL: o.url + "/v1", maxRetries: o.retries ?? 0 });
}
function elevenlabs(o) {
  const { ElevenLabsClient } = load("@elevenlabs/elevenlabs-js");
  return new ElevenLabsClient({ apiKey: o.key, baseUrl: o.url, environment: o.url });
}
const ask = (o) => ({
  model: "m", max_tokens: o.tokens ?? 200, messages: o.messages, ...(o.tools ? { tools: o.tools } : {}),
  ...o.fields,
});

const actions = {
  async anthropic(o) {
    const events = [];
    const stream = anthropic(o).messages.stream(ask(o));
    stream.on("streamEvent", (e) => events.push(e.type));
    const m = await stream.finalMessage();
    return { text: spoken(m.content), content: m.content, stop: m.stop_reason, usage: m.usage, events };
  },
  async anthropic_at_once(o) {
    const m = await anthropic(o).messages.create(ask(o));
    return { text: spoken(m.content), content: m.content, stop: m.stop_reason, usage: m.usage };
  },
  async anthropic_abort(o) {
    const stream = anthropic(o).messages.stream(ask(o));
    await new Promise((resolve, reject) => {
      stream.on("text", resolve);
      stream.on("error", reject);
    });
    stream.abort();
    return { aborted: true };
  },
  async openai(o) {
    const stream = await openai(o).chat.completions.create({
      ...ask(o), stream: true, stream_options: { include_usage: true },
    });
    let text = "", finish = null, usage = null;
    const calls = [];
    for await (const chunk of stream) {
      usage = chunk.usage ?? usage;
      const choice = chunk.choices[0];
      if (!choice) continue;
      text += choice.delta.content ?? "";
      finish = choice.finish_reason ?? finish;
      for (const c of choice.delta.tool_calls ?? []) {
        calls[c.index] ??= { id: "", name: "", arguments: "" };
        calls[c.index].id += c.id ?? "";
        calls[c.index].name += c.function?.name ?? "";
        calls[c.index].arguments += c.function?.arguments ?? "";
      }
    }
    return { text, finish, usage, calls };
  },
  async openai_at_once(o) {
    const r = await openai(o).chat.completions.create(ask(o));
    return { text: r.choices[0].message.content, finish: r.choices[0].finish_reason, usage: r.usage };
  },
  async openai_abort(o) {
    const stream = await openai(o).chat.completions.create({ ...ask(o), stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    stream.controller.abort();
    return { aborted: true };
  },
  async openai_transcription(o) {
    const r = await openai(o).audio.transcriptions.create({ file: fs.createReadStream(o.file), model: "whisper-1" });
    return { text: r.text };
  },
  async openai_speech(o) {
    const r = await openai(o).audio.speech.create({
      model: "gpt-4o-mini-tts", voice: "alloy", input: o.text, response_format: o.format,
    });
    const sound = Buffer.from(await r.arrayBuffer());
    return { bytes: sound.length, head: sound.subarray(0, 4).toString("latin1") };
  },
  async openai_embeddings(o) {
    const r = await openai(o).embeddings.create({ model: "m", input: o.texts });
    return { vectors: r.data.map((d) => Array.from(d.embedding)), usage: r.usage };
  },
  async elevenlabs_voice(o) {
    const stream = await elevenlabs(o).textToSpeech.streamWithTimestamps("voice1", {
      text: o.text, modelId: "eleven_flash_v2_5", outputFormat: "pcm_16000",
    });
    let bytes = 0, characters = "";
    for await (const chunk of stream) {
      bytes += Buffer.from(chunk.audioBase64 ?? "", "base64").length;
      characters += (chunk.alignment?.characters ?? []).join("");
    }
    return { bytes, characters };
  },
  async elevenlabs_realtime(o) {
    const { RealtimeEvents, AudioFormat, CommitStrategy } = load("@elevenlabs/elevenlabs-js");
    const connection = await elevenlabs(o).speechToText.realtime.connect({
      modelId: "scribe_v2_realtime", audioFormat: AudioFormat.PCM_16000, sampleRate: 16000,
      commitStrategy: CommitStrategy.MANUAL, languageCode: "en",
    });
    const seen = { events: [], partials: [], committed: null, error: null };
    await new Promise((resolve) => {
      connection.on(RealtimeEvents.SESSION_STARTED, () => {
        seen.events.push("session_started");
        const chunk = Buffer.alloc(3200).toString("base64");  // 100 ms
        for (let i = 0; i < o.chunks; ++i) connection.send({ audioBase64: chunk, sampleRate: 16000 });
        connection.commit();
      });
      connection.on(RealtimeEvents.PARTIAL_TRANSCRIPT, (m) => seen.partials.push(m.text));
      connection.on(RealtimeEvents.COMMITTED_TRANSCRIPT, (m) => {
        seen.committed = m.text;
        resolve();
      });
      connection.on(RealtimeEvents.ERROR, (e) => {
        seen.error = e?.error ?? e?.message ?? String(e);
        resolve();
      });
      connection.on(RealtimeEvents.CLOSE, resolve);
    });
    connection.close();
    return seen;
  },
  async voyage(o) {
    const { VoyageAIClient } = load("voyageai");
    const client = new VoyageAIClient({ apiKey: o.key, environment: o.url + "/v1" });
    const embedded = await client.embed({ input: o.texts, model: "voyage-4-lite", inputType: "document" });
    const ranked = await client.rerank({ query: o.query, documents: o.texts, model: "rerank-2.5", topK: 2 });
    return {
      vectors: embedded.data.map((d) => d.embedding), indexes: embedded.data.map((d) => d.index),
      ranked: ranked.data.map((d) => ({ index: d.index, score: d.relevanceScore })),
    };
  },
};

const [name, text] = process.argv.slice(2);
actions[name](JSON.parse(text)).catch(problem).then((result) => {
  process.stdout.write(JSON.stringify(result) + "\n", () => process.exit(0));
});
