// Moves the figures of the live board; without it the page reloads itself.
(() => {
  const board = document.querySelector("[data-live]");
  if (!board || !window.EventSource) return;
  const state = board.querySelector("[data-state]");
  const words = state.textContent, tone = state.className;
  const set = (element, value) => {
    if (!element || element.textContent === String(value)) return;
    element.textContent = value;
    element.classList.remove("moved");
    void element.offsetWidth;
    element.classList.add("moved");
  };
  const latest = board.querySelector("[data-latest]");
  const show = frame => {
    for (const element of board.querySelectorAll("[data-figure]")) set(element, frame[element.dataset.figure]);
    for (const offer of frame.offers) set(board.querySelector(`[data-left="${CSS.escape(offer.sku)}"]`), offer.available);
    const nobody = board.querySelector("[data-nobody]");
    if (nobody && frame.latest.length) nobody.remove();
    latest.replaceChildren(...frame.latest.map(order => {
      const line = document.createElement("li"), name = document.createElement("strong"), cases = document.createElement("span");
      line.className = "line";
      name.textContent = order.first_name;
      cases.textContent = `${order.cases} ${board.dataset.cases}`;
      line.append(name, cases);
      return line;
    }));
  };
  let status = null;
  const source = new EventSource(board.dataset.live);
  source.onmessage = event => {
    const frame = JSON.parse(event.data);
    // opening and closing change the buttons, which come from the server
    if (status !== null && status !== frame.status) return location.reload();
    status = frame.status;
    show(frame);
  };
  source.onopen = () => { state.textContent = words; state.className = tone; };
  source.onerror = () => { state.textContent = board.dataset.lost; state.className = "badge large wait"; };
})();
