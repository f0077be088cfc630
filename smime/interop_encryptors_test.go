package smime_test

import (
	"cmp"
	"crypto"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"path/filepath"
	"testing"

	"dnseal/smime/cms"
	"dnseal/smime/cms/enveloped"
)

// encryptionIdentity is a key that things are encrypted for, in files as those of a peerIdentity. A
// key without certificate has its public key in that file.
type encryptionIdentity struct {
	*peerIdentity

	key enveloped.Key
	to  enveloped.Recipient
}

// encryptionIdentities are ids, and keys that only decrypt.
func encryptionIdentities(t *testing.T, ids map[string]*peerIdentity) map[string]*encryptionIdentity {
	t.Helper()
	all := make(map[string]*encryptionIdentity)
	for name, id := range ids {
		cert := id.signer.Certificate
		all[name] = &encryptionIdentity{id, enveloped.Key{Private: id.signer.Key, Certificate: cert}, enveloped.Recipient{Certificate: cert}}
	}
	dir := ids["p256"].dir
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(x)
	must(t, err)
	all["x25519"] = newBare(t, dir, "x25519", x, x.Public(), der)
	kem768, err := mlkem.GenerateKey768()
	must(t, err)
	all["ml-kem-768"] = newBare(t, dir, "ml-kem-768", kem768, kem768.EncapsulationKey(), bareSeed(t, 2, kem768.Bytes()))
	kem1024, err := mlkem.GenerateKey1024()
	must(t, err)
	all["ml-kem-1024"] = newBare(t, dir, "ml-kem-1024", kem1024, kem1024.EncapsulationKey(), bareSeed(t, 3, kem1024.Bytes()))
	return all
}

// newBare is a key without certificate.
func newBare(t *testing.T, dir, name string, key crypto.PrivateKey, pub crypto.PublicKey, der []byte) *encryptionIdentity {
	t.Helper()
	id := &peerIdentity{name: name, dir: dir}
	writePEM(t, id.keyFile(), "PRIVATE KEY", der)
	spki, err := cms.MarshalPublicKey(pub)
	must(t, err)
	writePEM(t, id.certFile(), "PUBLIC KEY", spki)
	return &encryptionIdentity{id, enveloped.Key{Private: key}, enveloped.Recipient{Key: pub}}
}

// bareSeed is PKCS #8 of the ML-KEM parameter set with the number in its OID: the seed alone, which
// is what both OpenSSL 3.5 and Bouncy Castle 1.80 read.
func bareSeed(t *testing.T, set int, seed []byte) []byte {
	t.Helper()
	der, err := asn1.Marshal(struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Seed      []byte
	}{0, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, set}}, seed})
	must(t, err)
	return der
}

// opensslCiphers are the options of openssl cms -encrypt.
var opensslCiphers = map[enveloped.Cipher]string{
	"": "-aes128", tripleDES: "-des3", enveloped.AES256CBC: "-aes256", enveloped.AES128GCM: "-aes-128-gcm", enveloped.AES256GCM: "-aes-256-gcm",
	enveloped.ChaCha20Poly1305: "-chacha20-poly1305",
}

func (p openSSL) encrypt(t *testing.T, r encryptionRow, id *encryptionIdentity, text []byte) ([]byte, error) {
	t.Helper()
	args := []string{"cms", "-encrypt", "-binary", opensslCiphers[r.cipher], "-in", p.write(t, "text", text), "-outform", "DER", "-out", "out", "-recip", id.certFile()}
	if r.oaep {
		args = append(args, "-keyopt", "rsa_padding_mode:oaep")
	}
	if r.keyID {
		args = append(args, "-keyid")
	}
	_, err := p.run(t, "openssl", args...)
	return p.produced("out", err)
}

func (p openSSL) decrypt(t *testing.T, id *encryptionIdentity, der []byte) ([]byte, error) {
	t.Helper()
	args := []string{"cms", "-decrypt", "-binary", "-inform", "DER", "-in", p.write(t, "in", der), "-inkey", id.keyFile(), "-out", "plain"}
	if id.to.Certificate != nil {
		args = append(args, "-recip", id.certFile())
	}
	_, err := p.run(t, "openssl", args...)
	return p.produced("plain", err)
}

func (p nss) encrypt(t *testing.T, r encryptionRow, id *encryptionIdentity, text []byte) ([]byte, error) {
	t.Helper()
	if !r.byDefault() {
		return nil, errNoSuchForm
	}
	_, err := p.run(t, "cmsutil", "-E", "-d", "sql:.", "-r", id.name, "-i", p.write(t, "text", text), "-o", "out")
	return p.produced("out", err)
}

func (p nss) decrypt(t *testing.T, _ *encryptionIdentity, der []byte) ([]byte, error) {
	t.Helper()
	_, err := p.run(t, "cmsutil", "-D", "-d", "sql:.", "-i", p.write(t, "in", der), "-o", "plain")
	return p.produced("plain", err)
}

func (p gnuPG) encrypt(t *testing.T, r encryptionRow, id *encryptionIdentity, text []byte) ([]byte, error) {
	t.Helper()
	if !r.byDefault() {
		return nil, errNoSuchForm
	}
	_, err := p.run(t, "gpgsm", "--batch", "--yes", "-r", id.fingerprint(), "-o", "out", "--encrypt", p.write(t, "text", text))
	return p.produced("out", err)
}

func (p gnuPG) decrypt(t *testing.T, _ *encryptionIdentity, der []byte) ([]byte, error) {
	t.Helper()
	_, err := p.run(t, "gpgsm", p.withPassphrase("-o", "plain", "--decrypt", p.write(t, "in", der))...)
	return p.produced("plain", err)
}

// bouncyCastleEncryption is the Java program of package enveloped.
type bouncyCastleEncryption struct{ bouncyCastle }

func newBouncyCastleEncryption(t *testing.T, root string, _ map[string]*peerIdentity) recipientPeer {
	t.Helper()
	return bouncyCastleEncryption{startBouncyCastle(t, root, filepath.Join("cms", "enveloped", "testdata", "interop", "BouncyCastle.java"))}
}

func (p bouncyCastleEncryption) encrypt(t *testing.T, r encryptionRow, id *encryptionIdentity, text []byte) ([]byte, error) {
	t.Helper()
	out := filepath.Join(p.dir, "out")
	return p.produced("out", p.do("encrypt", p.write(t, "text", text), out, string(cmp.Or(r.cipher, enveloped.AES128CBC)), bouncyCastleWay(r), id.certFile()))
}

// bouncyCastleWay is how the Java program calls the way to encrypt the key of the content.
func bouncyCastleWay(r encryptionRow) string {
	switch {
	case r.curve() != "" && r.keyID, r.key == "x25519":
		return "ecdh-skid"
	case r.curve() != "":
		return "ecdh"
	case r.oaep:
		return "oaep"
	case r.keyID:
		return "skid"
	case r.rsa() != "":
		return "rsa"
	case r.theirs:
		return "kem"
	}
	return "kem-hkdf"
}

func (p bouncyCastleEncryption) decrypt(t *testing.T, id *encryptionIdentity, der []byte) ([]byte, error) {
	t.Helper()
	return p.produced("plain", p.do("decrypt", p.write(t, "in", der), filepath.Join(p.dir, "plain"), id.keyFile()))
}
