package identity

import (
	"crypto"
	"errors"
	"strings"

	"dnseal/sender/identity/pkcs11"
	"dnseal/sender/identity/tpm"
)

// tokenKey returns the key that a key file names and does not hold: of formPKCS11 contents is the
// URI (RFC 7512), of formTPM it is the DER of the block "TSS2 PRIVATE KEY". It signs where it is.
func tokenKey(form fileForm, contents []byte, s *secrets) (crypto.Signer, error) {
	var key crypto.Signer
	var err error
	if form == formPKCS11 {
		key, err = pkcs11Key(string(contents), s)
	} else {
		key, err = tpmKey(contents, s)
	}
	if err != nil {
		return nil, onToken(err)
	}
	return asSigner(key)
}

// pkcs11Key opens a key with the PIN of the folder, or that of the URI's pin-source. A person is
// asked only where the token asks for one.
func pkcs11Key(text string, s *secrets) (crypto.Signer, error) {
	uri, err := pkcs11.ParseURI(text)
	if err != nil {
		return nil, err
	}
	if !s.given {
		var key crypto.Signer
		key, err = pkcs11.Open(uri, pkcs11.Options{})
		if uri.HasPINSource() || s.ask == nil || !errors.Is(err, pkcs11.ErrPIN) {
			return key, err
		}
	}
	pin, _, err := s.passphrase()
	if err != nil {
		return nil, err
	}
	return pkcs11.Open(uri, pkcs11.Options{PIN: pin})
}

// tpmKey opens a key with the password of the folder. A person is asked only where the key has one.
func tpmKey(der []byte, s *secrets) (crypto.Signer, error) {
	if !s.given {
		key, err := tpm.Open(der, tpm.Options{})
		if s.ask == nil || !errors.Is(err, tpm.ErrAuth) {
			return key, err
		}
	}
	password, _, err := s.passphrase()
	if err != nil {
		return nil, err
	}
	return tpm.Open(der, tpm.Options{Auth: password})
}

// tokenError is an error of a key that is not in its file. It hides what it is made of: a module
// that is missing is no identity that is missing.
type tokenError struct{ cause error }

func onToken(err error) error {
	if errors.As(err, new(*foreignForm)) {
		return err // it names the file
	}
	return &tokenError{err}
}

func (e *tokenError) Error() string {
	return strings.TrimPrefix(strings.TrimPrefix(e.cause.Error(), "pkcs11: "), "tpm: ")
}

// Hint says what to do about the error.
func (e *tokenError) Hint() string { return Hint(e.cause) }

// Is reports whether the key is there and a PIN or password opens it, or it is of another
// algorithm.
func (e *tokenError) Is(target error) bool {
	locked := errors.Is(e.cause, pkcs11.ErrPIN) || errors.Is(e.cause, tpm.ErrAuth) || errors.Is(e.cause, ErrLocked)
	return target == ErrLocked && locked || target == ErrOtherAlgorithm && errors.Is(e.cause, ErrOtherAlgorithm)
}
