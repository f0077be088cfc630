package identity

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dnseal/smime/cms"
)

// File is a file to import.
type File struct {
	// Name of it, for errors.
	Name string
	Data []byte
}

// heldKey is a private key of a file, with the text that key.pem has of it.
type heldKey struct {
	key       crypto.PrivateKey // as keyFileContents has it
	text      []byte
	decrypted []byte // text without the passphrase; nil: text needs none
}

// gathered is what the files hold together.
type gathered struct {
	keys         []heldKey
	publics      []crypto.PublicKey
	certificates []*x509.Certificate
	encrypted    int // keys that a passphrase was tried on
}

// maxEncrypted is how many encrypted keys are tried: each can cost seconds (pkcs8.MaxIterations).
const maxEncrypted = 4

// tries counts an encrypted key.
func (g *gathered) tries() error {
	if g.encrypted++; g.encrypted > maxEncrypted {
		return &foreignForm{form: fmt.Sprintf("more than %d encrypted keys together with the other files", maxEncrypted), advice: "give the files of one key alone"}
	}
	return nil
}

// gather reads all keys and certificates of the files, in any order and form.
func gather(files []File, ask func(file string) (string, error)) (*gathered, error) {
	g := new(gathered)
	for _, f := range files {
		if len(f.Data) > maxPEM {
			return nil, fmt.Errorf("identity: %s is larger than %d bytes", f.Name, maxPEM)
		}
		s := new(secrets)
		if ask != nil {
			s.ask = func() (string, error) { return ask(f.Name) }
		}
		if err := g.read(plainText(f.Data), s); err != nil {
			return nil, importError(f.Name, err)
		}
	}
	return g, nil
}

// importError names the file, with the advice that fits a file that is imported.
func importError(file string, err error) error {
	named := fmt.Errorf("identity: %s: %w", file, err)
	var foreign *foreignForm
	switch {
	case !errors.As(err, &foreign):
		return named
	case errors.Is(err, ErrLocked):
		return WithHint(named, "give its passphrase with --passphrase-file FILE")
	}
	advice := strings.ReplaceAll(foreign.advice, "OLD", Quote(file))
	return WithHint(named, "%s", strings.ReplaceAll(advice, "{}", "NEW"))
}

// importAdvice is for a file that holds neither key nor certificate.
const importAdvice = "keys are read in PKCS #8, PKCS #1, SEC1 and PKCS #12, certificates also in PKCS #7, public keys as PUBLIC KEY or certificate request; in PEM or DER"

// read adds what one file holds.
func (g *gathered) read(data []byte, s *secrets) error {
	if !bytes.Contains(data, pemBegin) {
		form := formOf(data)
		if form == formCredential || form == formPKCS11 {
			return g.addNamed(firstLine(data), s)
		}
		return g.add(form, data, false, s)
	}
	found := false
	for rest := data; ; {
		text := rest[:max(bytes.Index(rest, pemBegin), 0)]
		block, after := pem.Decode(rest)
		if block == nil {
			break
		}
		rest = after
		form := formOfBlock(block)
		if form == formParameters {
			continue
		}
		if err := g.addBlock(form, block, hasSchemeLine(string(text)), s); err != nil {
			return err
		}
		found = true
	}
	if !found {
		form := formOfBroken(data)
		return &foreignForm{form: string(form), advice: form.foreign().advice}
	}
	return nil
}

func (g *gathered) addBlock(form fileForm, block *pem.Block, pss bool, s *secrets) error {
	if form != formTPM {
		return g.add(form, block.Bytes, pss, s)
	}
	key, err := tokenKey(form, block.Bytes, s)
	if err == nil {
		g.keys = append(g.keys, heldKey{key: key, text: pem.EncodeToMemory(block)})
	}
	return err
}

// addNamed adds the key that a line names.
func (g *gathered) addNamed(line string, s *secrets) error {
	found, err := readKeyFile([]byte(line), s)
	if err == nil && found.key == nil {
		err = formPublic.foreign()
	}
	if err == nil {
		g.keys = append(g.keys, heldKey{key: found.key, text: []byte(strings.TrimSpace(line) + "\n")})
	}
	return err
}

// add adds what DER or BER of one form holds.
func (g *gathered) add(form fileForm, der []byte, pss bool, s *secrets) error {
	switch {
	case form == formCertificate:
		certs, err := parseCertificates([][]byte{der})
		g.certificates = append(g.certificates, certs...)
		return err
	case form == formPKCS7:
		file, err := readPKCS7(der)
		g.certificates = append(g.certificates, file.certificates...)
		return err
	case form == formPKCS12:
		return g.addPKCS12(der, s)
	case form == formEncrypted:
		return g.addEncrypted(der, pss, s)
	case form == formPublic || form == formRequest:
		return g.addPublic(form, der)
	case form.isKey():
		return g.addKey(form, der, pss)
	case form == formUnknown:
		return &foreignForm{form: "neither a key nor a certificate in a form that is known", advice: importAdvice}
	}
	return form.foreign()
}

func (g *gathered) addPKCS12(data []byte, s *secrets) error {
	if err := g.tries(); err != nil {
		return err
	}
	found, err := readPKCS12(data, s)
	if err != nil {
		return err
	}
	certs, err := parseCertificates(found.certificates)
	if err != nil {
		return err
	}
	g.certificates = append(g.certificates, certs...)
	held := heldKey{key: found.key}
	if held.text, err = encodeKey(found.key, false, s.used); err == nil && s.used != "" {
		held.decrypted, err = encodeKey(found.key, false, "")
	}
	g.keys = append(g.keys, held)
	return err
}

// addEncrypted keeps the key as it was encrypted.
func (g *gathered) addEncrypted(der []byte, pss bool, s *secrets) error {
	if err := g.tries(); err != nil {
		return err
	}
	plain, err := decryptKey(der, s)
	if err != nil {
		return err
	}
	key, err := parseKey(formPKCS8, plain)
	if err == nil {
		g.keys = append(g.keys, heldKey{key: key, text: keyText("ENCRYPTED PRIVATE KEY", der, pss), decrypted: keyText("PRIVATE KEY", plain, pss)})
	}
	return err
}

// addKey keeps PKCS #8 as it is, because crypto/x509 does not write a key for RSASSA-PSS only.
func (g *gathered) addKey(form fileForm, der []byte, pss bool) error {
	key, err := parseKey(form, der)
	if err != nil {
		return err
	}
	held := heldKey{key: key}
	switch form {
	case formPKCS8:
		held.text = keyText("PRIVATE KEY", der, pss)
	case formPSS:
		held.text = keyText("RSA-PSS PRIVATE KEY", der, pss)
	default:
		held.text, err = encodeKey(key, pss, "")
	}
	g.keys = append(g.keys, held)
	return err
}

// addPublic adds a public key, also that of a request, whose signature must prove that somebody has
// the private one (RFC 2986, Section 3).
func (g *gathered) addPublic(form fileForm, der []byte) error {
	if form == formRequest {
		request, err := x509.ParseCertificateRequest(der)
		if err != nil {
			return &foreignForm{form: "a certificate request that is malformed", cause: err, advice: "see what openssl finds in it: openssl req -in OLD -noout -text -verify"}
		}
		// crypto/x509 knows no keys for RSASSA-PSS only.
		if err = request.CheckSignature(); request.PublicKey != nil && err != nil {
			return &foreignForm{form: "a certificate request whose signature is not by its key", cause: err, advice: "the holder of the private key makes another one"}
		}
		der = request.RawSubjectPublicKeyInfo
	}
	pub, err := parsePublicKey(der)
	g.publics = append(g.publics, pub)
	return err
}

// oneKey returns the private key of the files, nil where they have none, and refuses two.
func (g *gathered) oneKey() (*heldKey, error) {
	for _, k := range g.keys {
		if !equalKeys(publicOf(k.key), publicOf(g.keys[0].key)) {
			err := errors.New("identity: the files hold more than one private key")
			return nil, WithHint(err, "import each under the name that it is for")
		}
	}
	if len(g.keys) == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	return &g.keys[0], nil
}

// publicKey returns the one public key that the files are about; nil: they have only certificates,
// and it is not clear which is that of name.
func (g *gathered) publicKey(name *Identity) (crypto.PublicKey, error) {
	key, err := g.oneKey()
	if err != nil {
		return nil, err
	}
	candidates := slices.Clone(g.publics)
	if key != nil {
		candidates = append([]crypto.PublicKey{publicOf(key.key)}, candidates...)
	}
	if len(candidates) == 0 {
		return g.certifiedKey(name)
	}
	for _, other := range candidates {
		if !equalKeys(candidates[0], other) {
			return nil, WithHint(errors.New("identity: the files hold keys that do not belong together"), "import each under the name that it is for")
		}
	}
	return candidates[0], nil
}

// certifiedKey is the key of the one certificate that is for name, else of the one that issued none
// of the others.
func (g *gathered) certifiedKey(name *Identity) (crypto.PublicKey, error) {
	certs := slices.DeleteFunc(slices.Clone(g.certificates), func(c *x509.Certificate) bool {
		return slices.ContainsFunc(g.certificates, func(below *x509.Certificate) bool { return below != c && issued(c, below) })
	})
	if named := slices.DeleteFunc(slices.Clone(certs), func(c *x509.Certificate) bool { return !name.Names(c) }); len(named) > 0 {
		certs = named
	}
	if len(certs) != 1 {
		err := fmt.Errorf("identity: %d of the certificates could be that of %s", len(certs), name.Name)
		return nil, WithHint(err, "give its private or public key too, or its certificate alone with those of its CA")
	}
	pub, err := cms.PublicKey(certs[0])
	if err != nil {
		return nil, name.unsupportedCertificate(err, certFile)
	}
	return pub, nil
}
