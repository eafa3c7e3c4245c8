// Scan to pack, with or without a signal. Each scan is kept on the phone under a key of its own until the shop has
// answered it; the shop takes scans in any order, and more than once. Without this script the page's form does the work.
(() => {
  const page = document.getElementById("packing"), form = document.getElementById("scan");
  if (!page || !form) return;
  const by = id => document.getElementById(id), words = page.dataset;
  const store = `cunji-scans-${words.batch}`, where = `/api/v1/batches/${words.batch}/scans`;
  const input = by("code"), wrong = by("wrong"), undo = by("undo");
  const rows = new Map([...page.querySelectorAll("[data-code]")].map(row => [row.dataset.code, row]));
  const load = () => { try { const kept = JSON.parse(localStorage.getItem(store)); return Array.isArray(kept) ? kept : []; } catch { return []; } };
  // the phone may refuse to keep anything; then the queue lives as long as the page
  let queue = load();
  // what other pages of this phone have queued meanwhile stays
  const join = () => { const known = new Set(queue.map(scan => scan.key)); queue.push(...load().filter(scan => !known.has(scan.key) && !answered.has(scan.key))); };
  const answered = new Set();
  const keep = () => { join(); try { localStorage.setItem(store, JSON.stringify(queue)); } catch { /* full or forbidden */ } };

  // keys grow with time, like UUIDs of version 7
  const newKey = at => {
    const bytes = crypto.getRandomValues(new Uint8Array(10));
    bytes[0] = 0x70 | bytes[0] & 0x0f;
    bytes[2] = 0x80 | bytes[2] & 0x3f;
    const hex = at.toString(16).padStart(12, "0") + [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  };
  // a clock that is far from the shop's is set right by the time at which the page was made
  const skew = Number(words.now) - Date.now(), shift = Math.abs(skew) > 60000 ? skew : 0;
  let lastMoment = Math.max(0, ...queue.map(scan => Date.parse(scan.at)));
  const moment = () => lastMoment = Math.max(Date.now() + shift, lastMoment + 1);

  let sound;
  const beep = good => {
    navigator.vibrate?.(good ? 60 : [120, 80, 120]);
    try {
      sound ||= new AudioContext();
      const tone = sound.createOscillator(), volume = sound.createGain();
      tone.frequency.value = good ? 1320 : 240;
      volume.gain.value = .15;
      tone.connect(volume).connect(sound.destination);
      tone.start();
      tone.stop(sound.currentTime + (good ? .09 : .4));
    } catch { /* no sound */ }
  };

  const count = () => {
    const packed = [...rows.values()].filter(row => row.dataset.state === "packed").length;
    by("packed").textContent = packed;
    by("progress").value = packed;
  };
  const set = (code, state) => { const row = rows.get(code); if (row) row.dataset.state = state; count(); };
  const say = text => { wrong.textContent = text; wrong.hidden = !text; };
  let trouble = "";
  const tell = () => {
    const line = by("waiting");
    line.hidden = !queue.length && !trouble;
    line.textContent = [queue.length ? `${queue.length} ${words.waiting}` : "", trouble].filter(Boolean).join(" · ");
  };
  const show = (code, text, last) => {
    const row = rows.get(code);
    by("last").hidden = false;
    by("last-words").textContent = `${text} ${code}`;
    by("last-inside").replaceChildren(row ? row.querySelector(".inside").cloneNode(true) : "");
    undo.hidden = !last;
    undo.onclick = () => { add(code, "unpack"); set(code, "open"); say(""); show(code, words.undone); input.focus(); };
  };

  let busy = false, wait = 1000, timer;
  const later = () => { clearTimeout(timer); timer = setTimeout(send, wait); wait = Math.min(wait * 2, 60000); };
  const send = async () => {
    if (busy) return;
    join();
    if (!queue.length) return tell();
    busy = true;
    const sent = queue.slice(0, 200);
    const scans = sent.map(({ key, code, act, at }) => ({ key, code, act, at }));
    let answer = null;
    try {
      answer = await fetch(where, { method: "POST", headers: { "content-type": "application/json", accept: "application/json" },
        body: JSON.stringify({ scans }), signal: AbortSignal.timeout?.(20000) });
    } catch { /* no signal */ }
    busy = false;
    // what was sent before may have been done without our hearing of it
    const again = new Set(sent.filter(scan => scan.tried).map(scan => scan.key));
    for (const scan of sent) scan.tried = true;
    keep();
    if (answer?.ok) {
      take(await answer.json().catch(() => ({ results: [] })), again);
      trouble = "";
      wait = 1000;
      tell();
      if (queue.length) later();
      return;
    }
    trouble = !answer ? words.offline : answer.status === 401 || answer.status === 403 ? words.closed : answer.status === 404 ? words.gone : words.offline;
    tell();
    later();
  };
  const take = ({ results, batch }, again) => {
    for (const { key, parcel, outcome, reason } of results) {
      answered.add(key);
      const newest = !queue.some(scan => scan.code === parcel && scan.key > key);
      const act = queue.find(scan => scan.key === key)?.act;
      if (outcome === "done" || outcome === "already_done") {
        if (newest) set(parcel, act === "unpack" ? "open" : "packed");
        if (outcome === "already_done" && act === "pack" && !again.has(key)) { say(`${parcel} ${words.again}`); beep(false); }
        continue;
      }
      if (!newest) continue;
      if (act === "pack") set(parcel, outcome === "held" ? "held" : "open");
      say(`${parcel} ${words.refused}: ${reason || page.getAttribute(`data-why-${outcome}`) || outcome}`);
      beep(false);
    }
    queue = queue.filter(scan => !answered.has(scan.key));
    keep();
    // others pack as well
    if (batch && !queue.length) by("packed").textContent = by("progress").value = batch.packed_parcels;
  };
  const add = (code, act) => {
    const at = moment();
    queue.push({ key: newKey(at), code, act, at: new Date(at).toISOString() });
    keep();
    tell();
    wait = 1000;
    send();
  };

  // what a scanner or a hand typed, in the code's one form
  const read = typed => {
    const text = typed.trim().toUpperCase();
    return rows.has(text) ? text : rows.has(`P${text}`) ? `P${text}` : text;
  };
  const scan = typed => {
    const code = read(typed), row = rows.get(code);
    if (!code) return;
    if (!row || row.dataset.state !== "open") {
      const why = !row ? words.unknown : row.dataset.state === "packed" ? words.again : `${words.held}. ${row.dataset.why}`;
      say(`${code} ${why}`);
      by("last").hidden = true;
      return beep(false);
    }
    say("");
    add(code, "pack");
    set(code, "packed");
    show(code, words.done, true);
    beep(true);
  };
  form.addEventListener("submit", event => {
    event.preventDefault();
    const typed = input.value;
    input.value = "";
    input.focus();
    scan(typed);
  });
  // a scanner types wherever the cursor is
  document.addEventListener("keydown", event => {
    if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && document.activeElement !== input) input.focus();
  });

  const camera = by("camera"), view = by("view");
  const look = async () => {
    if (view.srcObject) {
      for (const track of view.srcObject.getTracks()) track.stop();
      view.srcObject = null;
      view.hidden = true;
      return;
    }
    try {
      const detector = new BarcodeDetector();
      view.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      view.hidden = false;
      await view.play();
      let seen = "", since = 0;
      const step = async () => {
        if (!view.srcObject) return;
        const found = await detector.detect(view).catch(() => []);
        const code = found[0]?.rawValue;
        // the same code before the lens is one scan
        if (code && (code !== seen || Date.now() - since > 3000)) { seen = code; scan(code); }
        if (code) since = Date.now();
        setTimeout(step, 150);
      };
      step();
    } catch { say(words.camera); }
  };
  if ("BarcodeDetector" in window && navigator.mediaDevices) {
    camera.hidden = false;
    camera.addEventListener("click", look);
  } else by("no-camera").hidden = false;

  for (const { code, act } of queue) set(code, act === "unpack" ? "open" : "packed");
  addEventListener("online", () => { wait = 1000; send(); });
  tell();
  send();
})();
