/* Records the spoken sentence with camera and microphone and sends it as the form would. Without it, a file can be chosen. */
(() => {
  const form = document.getElementById("recorder");
  const buttons = document.getElementById("recorder_buttons");
  const [record, stop] = buttons.children;
  const state = document.getElementById("recorder_state");
  const preview = document.getElementById("preview");
  const kind = ["video/webm;codecs=vp8,opus", "video/webm"].find((one) => window.MediaRecorder?.isTypeSupported(one));
  if (!kind || !navigator.mediaDevices) return;
  buttons.hidden = false;
  const say = (what) => { state.textContent = state.dataset[what]; };
  const send = async (parts) => {
    say("sending");
    const body = new FormData();
    body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    body.append("file", new Blob(parts, { type: "video/webm" }), "video.webm");
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/plain" } });
    if (answer.ok) { location.assign(answer.url); return; }
    state.textContent = answer.status === 409 ? await answer.text() : state.dataset.closed;
    record.hidden = false;
  };
  record.addEventListener("click", async () => {
    say("asking");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        video: { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" }, audio: true,
      });
    } catch { say("closed"); return; }
    const parts = [];
    const recorder = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: 800000, audioBitsPerSecond: 64000 });
    recorder.ondataavailable = (event) => { if (event.data.size) parts.push(event.data); };
    recorder.onstop = () => {
      for (const track of stream.getTracks()) track.stop();
      preview.hidden = true;
      send(parts);
    };
    preview.srcObject = stream;
    preview.hidden = false;
    preview.play();
    recorder.start(500);
    say("running");
    record.hidden = true;
    stop.hidden = false;
    stop.onclick = () => { stop.hidden = true; recorder.stop(); };
    setTimeout(() => { if (recorder.state === "recording") recorder.stop(); }, 60000);
  });
})();
