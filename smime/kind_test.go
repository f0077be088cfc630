package smime

import "testing"

func TestSecured(t *testing.T) {
	t.Parallel()
	for msg, want := range map[string]Security{
		"From: a\r\n\r\nx":             NotSecured,
		head + clearPart(content, p7s): SMIMESigned,
		head + p7m + "\r\n":            SMIMESigned,
		head + "Content-Type: application/x-pkcs7-mime; smime-type=enveloped-data\r\n\r\n":                                          SMIMEEncrypted,
		head + "Content-Type: application/pkcs7-mime; smime-type=authEnveloped-data\r\n\r\n":                                        SMIMEEncrypted,
		head + "Content-Type: application/pkcs7-mime; smime-type=certs-only\r\n\r\n":                                                NotSecured,
		head + "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n" + attached(t, content, alice()):  SMIMESigned,
		head + "Content-Type: application/pkcs7-mime\r\n\r\n" + decode(t, attached(t, content, alice())):                            SMIMESigned,
		head + "Content-Type: application/pkcs7-mime\r\n\r\n" + string(contentInfo("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03")): SMIMEEncrypted,
		head + "Content-Type: application/octet-stream; name=smime.p7m\r\n\r\n":                                                     SMIMEEncrypted,
		head + "Content-Type: application/octet-stream; name=x.bin\r\n\r\n":                                                         NotSecured,
		head + "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=x\r\n\r\n":                         PGPSigned,
		head + "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=x\r\n\r\n":                      PGPEncrypted,
		head + "\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n":                                                                         PGPSigned,
		head + "Content-Type: text/plain\r\n\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n":                                                PGPEncrypted,
		head + "Content-Type: text/html\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n":                                                     NotSecured,
		head + "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" + clearPart(content, p7s) + "\r\n--x--":                   NotSecured,
	} {
		if got := Secured(mustRead(t, msg)); got != want {
			t.Errorf("Secured = %q, want %q for\n%s", got, want, msg)
		}
	}
}
