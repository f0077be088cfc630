// Composes a message with the text arguments[1] to oneself, whose certificate has the SHA-256
// fingerprint arguments[0]; signs it if arguments[2], and encrypts it if arguments[3]. It is handed
// to the callback in arguments[4].
const [fingerprint, text, sign, encrypt, done] = arguments;
(async () => {
  const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const { MimeMessage } = ChromeUtils.importESModule("resource:///modules/MimeMessage.sys.mjs");
  const make = (name, type) => Cc["@mozilla.org/messengercompose/" + name + ";1"].createInstance(type);
  const certs = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).getCerts();
  const cert = certs.find((c) => c.sha256Fingerprint.replaceAll(":", "") == fingerprint);
  const identity = MailServices.accounts.createIdentity();
  identity.email = "alice@example.org";
  for (const use of ["signing", "encryption"]) {
    identity.setUnicharAttribute(use + "_cert_name", cert.displayName);
    identity.setCharAttribute(use + "_cert_dbkey", cert.dbKey);
  }
  const secure = make("composesecure", Ci.nsIMsgComposeSecure);
  secure.signMessage = sign;
  secure.requireEncryptMessage = encrypt;
  secure.cacheValidCertForEmail(identity.email, cert.dbKey);
  const fields = make("composefields", Ci.nsIMsgCompFields);
  fields.from = fields.to = identity.email;
  fields.subject = "noon";
  fields.composeSecure = secure;
  const message = new MimeMessage(identity, fields, "", "text/plain", text, Ci.nsIMsgCompDeliverMode.Now,
    "", Ci.nsIMsgCompType.New, [], make("sendreport", Ci.nsIMsgSendReport));
  const file = await message.createMessageFile();
  const made = await IOUtils.readUTF8(file.path);
  await IOUtils.remove(file.path);
  return made;
})().then(done, (e) => done("error: " + e));
