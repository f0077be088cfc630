//go:build !submit || tpm

package tpm

import (
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
)

// persistentStorage is where the TCG, systemd and distributions keep the storage key: TCG TPM v2.0
// Provisioning Guidance, Section 7.8.
const persistentStorage tpm2.TPMHandle = 0x81000001

// Create makes a key of an algorithm (p256, p384, rsa2048 or rsa3072; not every TPM has p384 and
// rsa3072) in the TPM and returns it with its PEM block, which is all there is of it: the
// TPM keeps nothing. It is below the storage key of the owner hierarchy or, where that hierarchy
// has a password, below the persistent storage key 0x81000001. Wrong passwords of the key do not
// count for the lockout of the TPM (noDA): a mistake in the mail system must not lock the disk.
// Errors: as Open; an algorithm that Create or the TPM does not have.
func Create(algorithm string, opts Options) (*Key, []byte, error) {
	template, err := templateOf(algorithm)
	if err != nil {
		return nil, nil, err
	}
	var text []byte
	err = deviceAt(opts.Device).use(opts.timeout(CreateTimeout), func(c *connection) error {
		made, failed := c.create(template, handleOwner, opts.Auth)
		if errors.Is(failed, ErrAuth) {
			made, failed = c.create(template, persistentStorage, opts.Auth)
		}
		text = made
		return failed
	})
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(text)
	k, err := Open(block.Bytes, opts)
	return k, text, err
}

// create makes the key below a parent.
func (c *connection) create(template tpm2.TPMTPublic, below tpm2.TPMHandle, auth string) ([]byte, error) {
	c.unload() // a TPM has room for three objects
	parent, flush, err := c.parent(below, false)
	if err != nil {
		return nil, err
	}
	defer flush()
	made, err := tpm2.Create{
		ParentHandle: parent,
		InSensitive:  tpm2.TPM2BSensitiveCreate{Sensitive: &tpm2.TPMSSensitiveCreate{UserAuth: tpm2.TPM2BAuth{Buffer: []byte(auth)}}},
		InPublic:     tpm2.New2B(template),
	}.Execute(c)
	if err != nil {
		return nil, explain(err, "a new key")
	}
	f := &keyFile{emptyAuth: auth == "", parent: below, public: tpm2.Marshal(made.OutPublic), private: tpm2.Marshal(made.OutPrivate)}
	return f.encode(), nil
}

// templateOf is that of a key which signs digests made outside the TPM.
func templateOf(algorithm string) (tpm2.TPMTPublic, error) {
	t := tpm2.TPMTPublic{NameAlg: tpm2.TPMAlgSHA256, ObjectAttributes: tpm2.TPMAObject{
		FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, NoDA: true, SignEncrypt: true,
	}}
	switch algorithm {
	case "p256":
		t.Type, t.Parameters = onCurve(tpm2.TPMECCNistP256)
	case "p384":
		t.Type, t.Parameters = onCurve(tpm2.TPMECCNistP384)
	case "rsa2048":
		t.Type, t.Parameters = ofBits(2048)
	case "rsa3072":
		t.Type, t.Parameters = ofBits(3072)
	default:
		return t, withHint(fmt.Errorf("tpm: no keys of the algorithm %q are made in a TPM", algorithm), "use p256, p384, rsa2048 or rsa3072")
	}
	return t, nil
}

func onCurve(curve tpm2.TPMECCCurve) (tpm2.TPMAlgID, tpm2.TPMUPublicParms) {
	return tpm2.TPMAlgECC, tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{CurveID: curve})
}

func ofBits(bits tpm2.TPMKeyBits) (tpm2.TPMAlgID, tpm2.TPMUPublicParms) {
	return tpm2.TPMAlgRSA, tpm2.NewTPMUPublicParms(tpm2.TPMAlgRSA, &tpm2.TPMSRSAParms{KeyBits: bits})
}
