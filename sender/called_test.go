package sender

import (
	"testing"

	"dnseal/smime/message"
)

// TestCalledEncrypted: what only its header calls encrypted is not passed on in clear where it has
// to be encrypted.
func TestCalledEncrypted(t *testing.T) {
	t.Parallel()
	s := newSender(t, func(o *Options) {
		o.RecipientKeys = newKeyring(t)
		o.Routes = []Route{{To: []string{"*@keys.example"}, Encrypt: EncryptRequire}}
	})
	const pgp = "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n"
	for text, want := range map[string]message.Action{
		"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nthe secret\r\n":                                                message.Reject,
		"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\nMIAGCSqGSIb3DQEHAw==\r\n": message.Accept,
		pgp + "the secret\r\n--b--\r\n": message.Reject,
		pgp + "-----BEGIN PGP MESSAGE-----\r\n\r\nAAAA\r\n-----END PGP MESSAGE-----\r\n--b--\r\n": message.Accept,
	} {
		m := read(t, "From: alice@example.org\r\nMIME-Version: 1.0\r\n"+text)
		for rcpt, want := range map[string]message.Action{"bob@keys.example": want, "x@elsewhere.example": message.Accept} {
			out := s.Handle(t.Context(), m, &message.Envelope{Submitter: alice, Rcpt: []string{rcpt}})
			if out.Action != want || want == message.Reject && out.Reply.Code != 550 {
				t.Errorf("%s, %q: %s %s %d, want %s; %v", rcpt, text, out.Action, out.Result, out.Reply.Code, want, out.Attrs)
			}
			_ = out.Close()
		}
	}
}
