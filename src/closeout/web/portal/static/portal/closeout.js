/* Small improvements over pages that work without it: focus, the ticking clock, one click only. */
(() => {
  const tick = () => {
    for (const clock of document.querySelectorAll("[data-until]")) {
      clock.skew ??= Date.parse(clock.dataset.now) - Date.now();
      const left = Math.max(0, Math.floor((Date.parse(clock.dataset.until) - Date.now() - clock.skew) / 1000));
      const two = (n) => String(n).padStart(2, "0");
      const days = Math.floor(left / 86400);
      const words = days === 1 ? clock.dataset.one : clock.dataset.many;
      const time = two(Math.floor(left / 3600) % 24) + ":" + two(Math.floor(left / 60) % 60) + ":" + two(left % 60);
      clock.textContent = words.replace("{d}", days).replace("{t}", time);
      if (left === 0 && clock.dataset.done !== "yes") {
        clock.dataset.done = "yes";
        setTimeout(() => location.reload(), 3000);
      }
    }
  };
  const settle = () => {
    tick();
    document.querySelector("[data-focus]")?.focus();
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent === "yes") event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => { form.dataset.sent = ""; }, 4000);
  });
  addEventListener("pageshow", () => { for (const form of document.forms) form.dataset.sent = ""; });
  setInterval(tick, 1000);
  settle();
})();
