// Hands the text of the message in arguments[0], as Thunderbird would show it, to the callback in
// arguments[1]: empty where it cannot decrypt it.
const [message, done] = arguments;
(async () => {
  const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  if (!MailServices.accounts.accounts.length) MailServices.accounts.createLocalMailAccount();
  const root = MailServices.accounts.localFoldersServer.rootFolder.QueryInterface(Ci.nsIMsgLocalMailFolder);
  const folder = root.createLocalSubfolder(Services.uuid.generateUUID().toString());
  const header = folder.QueryInterface(Ci.nsIMsgLocalMailFolder).addMessage("From \r\n" + message);
  const uri = folder.getUriForMsg(header);
  const shown = await new Promise((resolve) => {
    const stream = Cc["@mozilla.org/scriptableinputstream;1"].createInstance(Ci.nsIScriptableInputStream);
    let text = "";
    const listener = {
      QueryInterface: ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"]),
      onStartRequest() {},
      onDataAvailable(request, input, offset, count) {
        stream.init(input);
        text += stream.readBytes(count);
      },
      onStopRequest: () => resolve(text),
    };
    MailServices.messageServiceFromURI(uri).streamMessage(uri, listener, null, null, true, "filter", false);
  });
  return shown.replace("</table></div>", "");
})().then(done, (e) => done("error: " + e));
