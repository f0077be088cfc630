package identity

import (
	"crypto"
	"errors"

	"dnseal/sender/identity/pkcs11"
)

// tokenKey returns the key that a key file names and does not hold: of formPKCS11 contents is the
// URI (RFC 7512), of formTPM it is the DER of the block "TSS2 PRIVATE KEY". It signs where it is.
func tokenKey(form fileForm, contents []byte, s *secrets) (crypto.Signer, error) {
	if form != formPKCS11 {
		return nil, form.foreign()
	}
	uri, err := pkcs11.ParseURI(string(contents))
	if err != nil {
		return nil, onToken(err)
	}
	key, err := openPKCS11(uri, s)
	if err != nil {
		return nil, onToken(err)
	}
	return asSigner(key)
}

// openPKCS11 opens the key with the PIN of the folder, or that of the URI's pin-source. A person is
// asked only where the token asks for one.
func openPKCS11(uri pkcs11.URI, s *secrets) (*pkcs11.Key, error) {
	if !s.given {
		key, err := pkcs11.Open(uri, pkcs11.Options{})
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

// tokenError is an error of a key that is not in its file. It hides what it is made of: a module
// that is missing is no identity that is missing.
type tokenError struct{ cause error }

func onToken(err error) error {
	if errors.As(err, new(*foreignForm)) {
		return err // it names the file
	}
	return &tokenError{err}
}

func (e *tokenError) Error() string { return e.cause.Error() }

// Hint says what to do about the error.
func (e *tokenError) Hint() string { return Hint(e.cause) }

// Is reports whether the key is there and a PIN or password opens it.
func (e *tokenError) Is(target error) bool {
	return target == ErrLocked && (errors.Is(e.cause, pkcs11.ErrPIN) || errors.Is(e.cause, ErrLocked))
}
