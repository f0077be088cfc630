//go:build cgo && pkcs11

package pkcs11

import (
	"errors"
	"slices"

	"github.com/miekg/pkcs11"
)

// is reports whether err is one of the codes of a module.
func is(err error, codes ...uint) bool {
	code, ok := errors.AsType[pkcs11.Error](err)
	return ok && slices.Contains(codes, uint(code))
}

// fromModule reports whether err is a code of a module.
func fromModule(err error) bool {
	_, ok := errors.AsType[pkcs11.Error](err)
	return ok
}

// lost reports whether err says that the connection to the token has to be made again: the token
// was removed or restarted, or another part of the process logged out.
func lost(err error) bool {
	return is(err, pkcs11.CKR_DEVICE_REMOVED, pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_TOKEN_NOT_PRESENT,
		pkcs11.CKR_TOKEN_NOT_RECOGNIZED, pkcs11.CKR_SESSION_HANDLE_INVALID, pkcs11.CKR_SESSION_CLOSED,
		pkcs11.CKR_USER_NOT_LOGGED_IN, pkcs11.CKR_KEY_HANDLE_INVALID, pkcs11.CKR_OBJECT_HANDLE_INVALID,
		pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED)
}

// words are for codes that a person meets.
var words = map[uint]string{
	pkcs11.CKR_DEVICE_REMOVED:             "the token was removed",
	pkcs11.CKR_TOKEN_NOT_PRESENT:          "the token is not there",
	pkcs11.CKR_TOKEN_NOT_RECOGNIZED:       "the token is not recognised",
	pkcs11.CKR_DEVICE_ERROR:               "the token or its connection is out of order",
	pkcs11.CKR_DEVICE_MEMORY:              "the token is full",
	pkcs11.CKR_TOKEN_WRITE_PROTECTED:      "the token is write-protected",
	pkcs11.CKR_MECHANISM_INVALID:          "the token has no such way to sign or to make a key",
	pkcs11.CKR_MECHANISM_PARAM_INVALID:    "the token does not sign with these parameters",
	pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED: "the key may not sign",
	pkcs11.CKR_SESSION_COUNT:              "the token has no session left",
	pkcs11.CKR_DOMAIN_PARAMS_INVALID:      "the token does not know the curve",
	pkcs11.CKR_CURVE_NOT_SUPPORTED:        "the token does not know the curve",
}

// plain is an error of a module with words before its code.
func plain(err error) error {
	code, ok := errors.AsType[pkcs11.Error](err)
	if !ok {
		return err
	}
	return &moduleError{code}
}

// moduleError is a code of a module.
type moduleError struct{ code pkcs11.Error }

func (e *moduleError) Unwrap() error { return e.code }

func (e *moduleError) Error() string {
	name := e.code.Error()[len("pkcs11: "):]
	if w := words[uint(e.code)]; w != "" {
		return w + " (" + name + ")"
	}
	return name
}
