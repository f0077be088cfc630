// Opens the message in the file arguments[0], waits for the verdict on its signature, and hands what
// is shown to the callback in arguments[1].
const [path, done] = arguments;
const sleep = (ms) => new Promise((resolve) => {
  const timer = Cc["@mozilla.org/timer;1"].createInstance(Ci.nsITimer);
  timer.initWithCallback(() => resolve(timer), ms, Ci.nsITimer.TYPE_ONE_SHOT);
});
(async () => {
  const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
  const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
  file.initWithPath(path);
  MailUtils.openEMLFile(Services.wm.getMostRecentWindow("mail:3pane"), file, Services.io.newFileURI(file));
  for (let i = 0; i < 600; i++) {
    await sleep(100);
    const opened = [...Services.wm.getEnumerator("mail:messageWindow")].pop();
    const pane = opened?.messageBrowser?.contentWindow;
    const icon = pane?.document.getElementById("signedHdrIcon");
    if (!icon || icon.hidden) continue;
    pane.loadSmimeMessageSecurityInfo();
    await sleep(100);
    const text = (id) => pane.document.getElementById(id).textContent.trim();
    const shown = text("signatureLabel") + ": " + text("signatureExplanation");
    opened.close();
    return shown;
  }
  return "no verdict";
})().then(done, (e) => done("error: " + e));
