package identity

import (
	"crypto"
	"errors"
	"strings"

	"dnseal/sender/identity/pkcs8"
)

const decryptAdvice = "write the passphrase into the file " + passwordFile + " beside it (chmod 600), or there \"" + credentialPrefix + "NAME\" where a systemd credential has it; or decrypt the key with: openssl pkey -in OLD -out {}"

// readEncrypted reads an EncryptedPrivateKeyInfo (RFC 5958, Section 3).
func readEncrypted(der []byte, s *secrets) (crypto.Signer, error) {
	passphrase, given, err := s.passphrase()
	switch {
	case err != nil:
		return nil, err
	case !given:
		return nil, &foreignForm{form: string(formEncrypted) + ", which is not here", advice: decryptAdvice, cause: ErrLocked, silent: true}
	}
	plain, err := pkcs8.Decrypt(der, passphrase)
	cause := func(sentinel error) error {
		return errors.New(strings.TrimPrefix(err.Error(), sentinel.Error()+": "))
	}
	switch {
	case errors.Is(err, pkcs8.ErrPassphrase):
		return nil, &foreignForm{form: string(formEncrypted) + ", and " + s.origin() + " is another", advice: decryptAdvice, cause: ErrLocked, silent: true}
	case errors.Is(err, pkcs8.ErrUnsupported):
		return nil, &foreignForm{form: string(formEncrypted) + " in a way that is not read", advice: "encrypt it anew with: openssl pkcs8 -topk8 -in OLD -out {}", cause: cause(pkcs8.ErrUnsupported)}
	case err != nil:
		return nil, &foreignForm{form: string(formEncrypted) + " and is cut off or damaged", advice: "copy the file again", cause: cause(pkcs8.ErrMalformed)}
	}
	return parseKey(formPKCS8, plain)
}
