/* Passkeys: what the page asks to be signed goes to the device, and its answer into the form. */
(() => {
  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const list = (known) => (known || []).map((one) => ({ ...one, id: bytes(one.id) }));
  const sign = async (asked) => {
    const publicKey = { ...asked, challenge: bytes(asked.challenge), allowCredentials: list(asked.allowCredentials) };
    const { rawId, id, type, response } = await navigator.credentials.get({ publicKey });
    return {
      id, rawId: text(rawId), type,
      response: {
        clientDataJSON: text(response.clientDataJSON),
        authenticatorData: text(response.authenticatorData),
        signature: text(response.signature),
      },
    };
  };
  const make = async (asked) => {
    const publicKey = {
      ...asked, challenge: bytes(asked.challenge), user: { ...asked.user, id: bytes(asked.user.id) },
      excludeCredentials: list(asked.excludeCredentials),
    };
    const { rawId, id, type, response } = await navigator.credentials.create({ publicKey });
    return {
      id, rawId: text(rawId), type,
      response: { clientDataJSON: text(response.clientDataJSON), attestationObject: text(response.attestationObject) },
    };
  };
  for (const place of document.querySelectorAll("[data-passkey]")) {
    const button = place.querySelector("button");
    const said = place.querySelector("[role=status]");
    if (!window.PublicKeyCredential) {
      said.textContent = place.dataset.failed;
      continue;
    }
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        const asked = JSON.parse(place.dataset.passkey);
        const answer = await (asked.user ? make : sign)(asked);
        place.querySelector("input").value = JSON.stringify(answer);
        said.textContent = place.dataset.done;
        button.hidden = true;
        if (asked.user) place.closest("form").requestSubmit();
      } catch {
        said.textContent = place.dataset.failed;
      }
    });
  }
})();
