package smime_test

import (
	"bytes"
	_ "embed" // a script
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dnseal/smime"
	"dnseal/smime/cms"
	"dnseal/smime/cms/enveloped"
	"dnseal/smime/message"
)

// mailRecipientPeer encrypts and decrypts whole messages.
type mailRecipientPeer interface {
	// encryptMail returns a message with the entity encrypted, or, where it composes mail, with an
	// entity of its own with the same text.
	encryptMail(t *testing.T, r encryptionRow, id *encryptionIdentity, entity []byte) ([]byte, error)
	// decryptMail returns the entity in a message.
	decryptMail(t *testing.T, id *encryptionIdentity, text []byte) ([]byte, error)
}

// encryptsMail is a program of mail as one of CMS.
type encryptsMail struct{ mailRecipientPeer }

func (p encryptsMail) encrypt(t *testing.T, r encryptionRow, id *encryptionIdentity, entity []byte) ([]byte, error) {
	t.Helper()
	text, err := p.encryptMail(t, r, id, entity)
	if err != nil {
		return nil, err
	}
	der, clear := takeApart(t, text)
	if clear != nil {
		return nil, errors.New("it is not encrypted")
	}
	return der, nil
}

func (p encryptsMail) decrypt(t *testing.T, id *encryptionIdentity, der []byte) ([]byte, error) {
	t.Helper()
	return p.decryptMail(t, id, encryptedMail(der))
}

// authEnvelopedData is the content of the OID id-ct-authEnvelopedData. RFC 5083, Section 2.1.
var authEnvelopedData = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 23}

// encryptedMail makes a message of what is encrypted.
func encryptedMail(der []byte) []byte {
	kind := "enveloped-data"
	if bytes.Contains(der[:30], authEnvelopedData) {
		kind = "authEnveloped-data"
	}
	return fmt.Appendf(nil, "%sMIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=%s; name=smime.p7m\r\n"+
		"Content-Transfer-Encoding: base64\r\n\r\n%s", peerHeader, kind, encode(der))
}

//go:embed testdata/interop/thunderbird_show.js
var showMessage string

func newThunderbirdEncryption(t *testing.T, root string, ids map[string]*peerIdentity) recipientPeer {
	t.Helper()
	return encryptsMail{startThunderbird(t, root, ids)}
}

func (p *thunderbird) encryptMail(t *testing.T, r encryptionRow, id *encryptionIdentity, entity []byte) ([]byte, error) {
	t.Helper()
	if !r.byDefault() {
		return nil, errNoSuchForm
	}
	return p.compose(t, id.peerIdentity, textOf(string(entity)), false, true)
}

// decryptMail returns the entity that the text was in: Thunderbird shows the text.
func (p *thunderbird) decryptMail(t *testing.T, _ *encryptionIdentity, text []byte) ([]byte, error) {
	t.Helper()
	shown, err := p.do(t, showMessage, string(text))
	return []byte(strings.TrimSuffix(peerEntity, peerText) + string(withCRLF([]byte(shown)))), err
}

// textOf is what is in an entity.
func textOf(entity string) string {
	_, text, _ := strings.Cut(entity, "\r\n\r\n")
	return text
}

// Thunderbird signs and encrypts, and we open and verify that, and the other way round.
func TestInteropDebian13ThunderbirdSignedEncrypted(t *testing.T) {
	if *debian13 == "" {
		t.Skip("skipped: the programs of Debian 13 have their turn with make interop")
	}
	ids := newPeerIdentities(t, t.TempDir())
	p := startThunderbird(t, *debian13, ids)
	for _, name := range []string{"p256", "rsa2048"} {
		id := ids[name]
		cert := id.signer.Certificate
		text, err := p.compose(t, id, peerText, true, true)
		must(t, err)
		m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
		must(t, err)
		keys := smime.DecryptOptions{Keys: []enveloped.Key{{Private: id.signer.Key, Certificate: cert}}}
		report, err := smime.VerifyWith(t.Context(), m, smime.VerifyOptions{Decrypt: keys})
		must(t, err)
		m.Close()
		if len(report.Signatures) != 1 || report.Signatures[0].Integrity != smime.IntegrityGood || report.Signatures[0].Covers != smime.CoversMessage {
			t.Errorf("%s: theirs: %+v", name, report)
		}
		ours := signMessage(t, smime.SignOptions{
			Signers: []cms.Signer{id.signer}, Time: time.Now(), Encrypt: &smime.EncryptOptions{Recipients: []enveloped.Recipient{{Certificate: cert}}},
		})
		if err := p.verifyMail(t, id, ours); err != nil {
			t.Errorf("%s: ours: %v", name, err)
		}
		if shown, err := p.do(t, showMessage, string(ours)); shown != strings.ReplaceAll(peerText, "\r\n", "\n") {
			t.Errorf("%s: ours is shown as %q, %v", name, shown, err)
		}
	}
}
