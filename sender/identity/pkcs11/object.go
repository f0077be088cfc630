//go:build cgo && pkcs11

package pkcs11

import (
	"crypto"
	"encoding/binary"
	"fmt"

	"github.com/miekg/pkcs11"
)

// maxObjects bounds what is looked at of a token.
const maxObjects = 10_000

// Numbers of PKCS #11 3.0 that the library does not have.
const (
	keyEdwards           = 0x40
	mechanismEdDSA       = 0x1057
	mechanismEdwardsPair = 0x1055
)

// object is a private key of a token.
type object struct {
	handle pkcs11.ObjectHandle
	label  string
	id     []byte
	kind   uint // CKK_…
	public crypto.PublicKey
	// always says that each signature wants the PIN: CKA_ALWAYS_AUTHENTICATE.
	always bool
	// problem says why the key cannot sign mail; empty: it can.
	problem string
}

// String names the key for people.
func (o object) String() string {
	s := fmt.Sprintf("object %q", o.label)
	if len(o.id) > 0 {
		s += fmt.Sprintf(" id %x", o.id)
	}
	return s + " (" + o.kindName() + ")"
}

func (o object) kindName() string {
	switch o.kind {
	case pkcs11.CKK_RSA:
		return "RSA"
	case pkcs11.CKK_EC:
		return "ECDSA"
	case keyEdwards:
		return "Ed25519"
	case pkcs11.CKK_DSA:
		return "DSA"
	}
	return fmt.Sprintf("kind 0x%x", o.kind)
}

// reader reads objects with one session.
type reader struct {
	calls   cryptoki
	session pkcs11.SessionHandle
	// login says that private keys are hidden from sessions without it.
	login bool
}

// hidden reports whether private keys are not seen because another part of the process logged out.
func (r reader) hidden() bool {
	info, err := r.calls.GetSessionInfo(r.session)
	return r.login && err == nil && (info.State == pkcs11.CKS_RO_PUBLIC_SESSION || info.State == pkcs11.CKS_RW_PUBLIC_SESSION)
}

// privateKeys returns the private keys that the URI means.
func (r reader) privateKeys(u URI) ([]object, error) {
	template := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY)}
	label, hasLabel := u.attrs[attrObject]
	if hasLabel {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
	}
	id, hasID := u.attrs[attrID]
	if hasID {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_ID, id))
	}
	handles, err := r.find(template)
	if err != nil {
		return nil, err
	}
	var all []object
	for _, h := range handles {
		o := r.object(h)
		// Modules exist that pass over an empty value in a template.
		if (!hasLabel || o.label == label) && (!hasID || string(o.id) == id) {
			all = append(all, o)
		}
	}
	return all, nil
}

// find returns the objects that a template means.
func (r reader) find(template []*pkcs11.Attribute) (all []pkcs11.ObjectHandle, err error) {
	if err = r.calls.FindObjectsInit(r.session, template); err != nil {
		return nil, fmt.Errorf("looking for a key: %w", plain(err))
	}
	defer func() {
		if e := r.calls.FindObjectsFinal(r.session); err == nil && e != nil {
			err = fmt.Errorf("looking for a key: %w", plain(e))
		}
	}()
	for len(all) < maxObjects {
		some, _, err := r.calls.FindObjects(r.session, 100)
		if err != nil {
			return nil, fmt.Errorf("looking for a key: %w", plain(err))
		}
		if len(some) == 0 {
			break
		}
		all = append(all, some...)
	}
	return all, nil
}

// value returns an attribute, nil where the object has none: each is asked for alone, because one
// that a module does not know makes the whole question fail.
func (r reader) value(h pkcs11.ObjectHandle, attribute uint) []byte {
	values, err := r.calls.GetAttributeValue(r.session, h, []*pkcs11.Attribute{pkcs11.NewAttribute(attribute, nil)})
	if err != nil || len(values) != 1 {
		return nil
	}
	return values[0].Value
}

// number reads a CK_ULONG.
func number(b []byte) (uint, bool) {
	switch len(b) {
	case 4:
		return uint(binary.NativeEndian.Uint32(b)), true
	case 8:
		return uint(binary.NativeEndian.Uint64(b)), true
	}
	return 0, false
}

func isTrue(b []byte) bool  { return len(b) == 1 && b[0] != 0 }
func isFalse(b []byte) bool { return len(b) == 1 && b[0] == 0 }

// object reads a private key.
func (r reader) object(h pkcs11.ObjectHandle) object {
	o := object{
		handle: h, label: string(r.value(h, pkcs11.CKA_LABEL)), id: r.value(h, pkcs11.CKA_ID),
		always: isTrue(r.value(h, pkcs11.CKA_ALWAYS_AUTHENTICATE)),
	}
	kind, ok := number(r.value(h, pkcs11.CKA_KEY_TYPE))
	o.kind = kind
	switch {
	case !ok:
		o.problem = "its kind cannot be read"
	case kind != pkcs11.CKK_RSA && kind != pkcs11.CKK_EC && kind != keyEdwards:
		o.problem = "keys of its kind do not sign mail"
	case isFalse(r.value(h, pkcs11.CKA_SIGN)):
		o.problem = "it may not sign (CKA_SIGN)"
	default:
		o.public, o.problem = r.publicOf(o)
	}
	return o
}
