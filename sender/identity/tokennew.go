package identity

import (
	"bytes"
	"crypto"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"dnseal/sender/identity/pkcs11"
	"dnseal/sender/identity/tpm"
)

// makeKey sets the key of a new identity: made in this process, in the TPM or on a PKCS #11 token.
func (id *Identity) makeKey(opts CreateOptions) (err error) {
	algorithm := opts.Algorithm
	if algorithm == "" {
		algorithm = DefaultAlgorithm
	}
	id.PSS = strings.HasSuffix(algorithm, pssSuffix)
	switch {
	case (opts.PKCS11 != "" || opts.TPM) && opts.use() != UseSign:
		return errors.New("identity: a key on a PKCS #11 token or in the TPM only signs; one for encryption is kept in a file")
	case opts.PKCS11 != "" && opts.TPM:
		return errors.New("identity: a key is on a PKCS #11 token or in the TPM, not in both")
	case opts.PKCS11 != "":
		id.Key, err = id.makePKCS11(opts, strings.TrimSuffix(algorithm, pssSuffix))
	case opts.TPM:
		var key *tpm.Key
		key, id.keyText, err = tpm.Create(strings.TrimSuffix(algorithm, pssSuffix), tpm.Options{Auth: opts.Passphrase})
		id.Key = key
	default:
		return id.generate(algorithm, opts.use())
	}
	if err != nil {
		return onToken(err)
	}
	id.Key, err = asSigner(id.Key)
	return err
}

// generate makes a key in this process.
func (id *Identity) generate(algorithm string, use Use) error {
	key, err := generateKey(algorithm, use)
	if signs, ok := key.(crypto.Signer); ok {
		id.Key = signs
	} else {
		id.Private = key
	}
	return err
}

// fileContents has the key itself, and the public half of one that is encrypted and has no
// certificate: LoadPublic finds it there.
func (id *Identity) fileContents(passphrase string) ([]byte, error) {
	var key crypto.PrivateKey = id.Key
	if id.Key == nil {
		key = id.Private
	}
	text, err := encodeKey(key, id.PSS, passphrase)
	if err != nil || id.Certificate != nil || passphrase == "" {
		return text, err
	}
	public, err := id.PublicPEM()
	return append(text, public...), err
}

// makePKCS11 returns the key of a URI: the one that is there, else a new one.
func (id *Identity) makePKCS11(opts CreateOptions, algorithm string) (crypto.Signer, error) {
	uri, err := pkcs11.ParseURI(opts.PKCS11)
	if err != nil {
		return nil, err
	}
	token := pkcs11.Options{PIN: opts.Passphrase}
	key, err := pkcs11.Open(uri, token)
	id.KeyWasThere = err == nil
	if errors.Is(err, pkcs11.ErrNotFound) {
		key, err = pkcs11.Generate(uri, algorithm, token)
	}
	if err != nil {
		return nil, err
	}
	id.keyText = []byte(key.URI().String() + "\n")
	if want, known := strings.CutSuffix(opts.Algorithm, pssSuffix); id.KeyWasThere && opts.Algorithm != "" {
		if have := algorithmOf(key.Public()); have != want && have != "" {
			return nil, withHintedAlgorithm(uri, have, known)
		}
	}
	return key, nil
}

// ErrOtherAlgorithm says that the key of a PKCS #11 URI is there, and not of the algorithm wanted.
var ErrOtherAlgorithm = errors.New("the key that is there")

func withHintedAlgorithm(uri pkcs11.URI, have string, pss bool) error {
	if pss {
		have += pssSuffix
	}
	return WithHint(fmt.Errorf("identity: %w for %s is of the algorithm %s", ErrOtherAlgorithm, uri, have),
		"use it with --algorithm %s, or name another object for a new key", have)
}

// algorithmOf is the one of [Algorithms] that makes such keys; empty: none.
func algorithmOf(pub crypto.PublicKey) string {
	words := (&Identity{Public: pub}).KeyType()
	names := map[string]string{
		"ECDSA P-256": "p256", "ECDSA P-384": "p384", "ECDSA P-521": "p521", "Ed25519": "ed25519",
		"RSA 2048 bit": "rsa2048", "RSA 3072 bit": "rsa3072", "RSA 4096 bit": "rsa4096",
		"ML-DSA-44": "ml-dsa-44", "ML-DSA-65": "ml-dsa-65", "ML-DSA-87": "ml-dsa-87",
		"X25519": "x25519", "ML-KEM-768": "ml-kem-768", "ML-KEM-1024": "ml-kem-1024",
	}
	return names[words]
}

// Algorithm is the one of [Algorithms] that makes such keys; empty: none.
func (id *Identity) Algorithm() string {
	algorithm := algorithmOf(id.public())
	if id.PSS && algorithm != "" {
		algorithm += pssSuffix
	}
	return algorithm
}

// keyContents is what key.pem holds.
func (id *Identity) keyContents(passphrase string) ([]byte, error) {
	line := []byte(schemeLine + "\n")
	switch {
	case id.keyText == nil:
		return id.fileContents(passphrase)
	case !id.PSS:
		return id.keyText, nil
	case bytes.HasPrefix(id.keyText, pemBegin):
		return append(line, id.keyText...), nil
	default: // the URI is the first line
		return append(bytes.Clone(id.keyText), line...), nil
	}
}

// Place says where the private key is in words for people: on which token, or that it is in a TPM;
// empty: in key.pem itself, or nowhere. The token is not asked. Errors: those of reading key.pem.
func (id *Identity) Place() (string, error) {
	data, _, err := readFile(id.KeyFile)
	if err != nil {
		return "", fmt.Errorf("identity: key of %s: %w", id.Name, err)
	}
	uri, isURI, inTPM := placeOf(data)
	switch {
	case isURI:
		return "on a PKCS #11 token, " + uri.String(), nil
	case inTPM:
		return "in the TPM", nil
	}
	return "", nil
}

func placeOf(data []byte) (uri pkcs11.URI, isURI, inTPM bool) {
	if formOf(plainText(data)) == formPKCS11 {
		parsed, err := pkcs11.ParseURI(strings.TrimSpace(firstLine(plainText(data))))
		return parsed, err == nil, false
	}
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return uri, false, false
		}
		if block.Type == tpm.BlockType {
			return uri, false, true
		}
		data = rest
	}
}
