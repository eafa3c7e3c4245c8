// Makes the order form quicker; everything works without it.
(() => {
  const form = document.querySelector("form[data-order]");
  if (!form || !window.fetch) return;
  const api = form.dataset.api, live = form.querySelector("#live");
  const english = document.documentElement.lang === "en";
  const send = (path, body) =>
    fetch(path, {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(body)})
      .then(answer => answer.ok ? answer.json() : Promise.reject(answer.status));
  const yuan = fen => "¥" + Math.floor(fen / 100) + "." + String(fen % 100).padStart(2, "0");
  const counts = [...form.querySelectorAll("input[data-sku]")];
  const field = name => form.elements.namedItem(name);

  // the total while one types
  let timer, turn = 0;
  const total = () => {
    if (!live) return;
    const items = counts.map(input => ({sku: input.dataset.sku, quantity: Number(input.value)})).filter(item => item.quantity > 0);
    const province = field("province").value, mine = ++turn;
    if (!items.length || !province) { live.hidden = true; return; }
    send(api + "/quote", {items, province}).then(quote => {
      if (mine !== turn) return;
      live.textContent = quote.total_fen === null
        ? (english ? "We do not send there at present." : "暂时不能发往这里。")
        : english
          ? `Goods ${yuan(quote.goods_fen)} + freight ${yuan(quote.freight_fen)} = ${yuan(quote.total_fen)}`
          : `商品 ${yuan(quote.goods_fen)} + 运费 ${yuan(quote.freight_fen)} = 合计 ${yuan(quote.total_fen)}`;
      const promise = quote.promise;
      if (promise) live.textContent += english
        ? `; leaves on ${promise.ships_on}, with you by ${promise.arrives_by}`
        : `；${promise.ships_on} 发出，最晚 ${promise.arrives_by} 送到`;
      live.hidden = false;
    }, () => { live.hidden = true; });
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(total, 300); });

  // − and + beside every number
  for (const input of counts) {
    const step = (sign, by, name) => {
      const button = document.createElement("button");
      button.type = "button"; button.className = "plain"; button.textContent = sign; button.setAttribute("aria-label", name);
      button.onclick = () => {
        input.value = Math.min(Number(input.max), Math.max(0, Number(input.value) + by));
        input.dispatchEvent(new Event("input", {bubbles: true}));
      };
      return button;
    };
    input.before(step("−", -1, english ? "one less" : "减一箱"));
    input.after(step("+", 1, english ? "one more" : "加一箱"));
  }

  // a pasted address fills the fields on the spot; if that fails, the form is sent as it would be without script
  const read = form.querySelector("button[value=read]");
  let plain = false;
  read.addEventListener("click", event => {
    const text = field("paste").value.trim();
    if (plain || !text) return;
    event.preventDefault();
    send("/api/v1/addresses/parse", {text}).then(found => {
      for (const name of ["name", "phone", "province", "city", "district", "street"])
        if (found[name]) field(name).value = found[name];
      field("name").focus();
      total();
    }).catch(() => { plain = true; read.click(); });
  });

  total();
})();
