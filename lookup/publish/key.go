package publish

import "errors"

// Key is a TSIG key: HMAC-SHA256, HMAC-SHA384 or HMAC-SHA512 (RFC 8945, Section 6). Its text form
// does not show the secret.
type Key struct {
	// Name is the absolute name of the key.
	Name string
	// Algorithm is "hmac-sha256", "hmac-sha384" or "hmac-sha512".
	Algorithm string
	// Warning is a sentence about the file: others can read it. "": none.
	Warning string
	secret  string
}

// String is the name and the algorithm.
func (k *Key) String() string { return k.Name + " (" + k.Algorithm + ")" }

// LoadKey reads a key file in BIND's form (see [ParseKey]).
func LoadKey(_ string) (*Key, error) { return nil, errors.ErrUnsupported }

// ParseKey reads a key in the form that tsig-keygen and rndc-confgen write:
//
//	key "name" { algorithm hmac-sha256; secret "base64"; };
func ParseKey(_, _ string) (*Key, error) { return nil, errors.ErrUnsupported }
