//go:build !submit || tpm

package tpm

import (
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
)

// handleOwner is the parent of keys below the storage key that every TPM can make anew.
const handleOwner = tpm2.TPMRHOwner

// storageTemplate is that of the key above ours: with unique fields of no length, which
// tpm2.ECCSRKTemplate does not have (draft-bottomley-tpm2-keys-01, Section 3.1.8; TCG EK Credential
// Profile 2.5, Section B.4.5).
func storageTemplate(useRSA bool) tpm2.TPMTPublic {
	if useRSA {
		t := tpm2.RSASRKTemplate
		t.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgRSA, &tpm2.TPM2BPublicKeyRSA{})
		return t
	}
	t := tpm2.ECCSRKTemplate
	t.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{})
	return t
}

// parent returns the handle of a parent, and what removes it from the TPM again.
func (c *connection) parent(handle tpm2.TPMHandle, useRSA bool) (tpm2.AuthHandle, func(), error) {
	if handle>>24 == 0x81 { // persistent: TPM 2.0 Library, Part 2, Section 7.2
		public, err := tpm2.ReadPublic{ObjectHandle: handle}.Execute(c)
		if err != nil {
			return tpm2.AuthHandle{}, nil, explain(err, fmt.Sprintf("the parent 0x%08x of the key", uint32(handle)))
		}
		return tpm2.AuthHandle{Handle: handle, Name: public.Name, Auth: tpm2.PasswordAuth(nil)}, func() {}, nil
	}
	switch handle {
	case tpm2.TPMRHOwner, tpm2.TPMRHEndorsement, tpm2.TPMRHPlatform, tpm2.TPMRHNull:
	default:
		return tpm2.AuthHandle{}, nil, fmt.Errorf("tpm: the parent 0x%08x of the key is neither a hierarchy nor persistent", uint32(handle))
	}
	primary, err := tpm2.CreatePrimary{
		PrimaryHandle: tpm2.AuthHandle{Handle: handle, Auth: tpm2.PasswordAuth(nil)},
		InPublic:      tpm2.New2B(storageTemplate(useRSA)),
	}.Execute(c)
	if err != nil {
		return tpm2.AuthHandle{}, nil, explain(err, "the storage key")
	}
	return tpm2.AuthHandle{Handle: primary.ObjectHandle, Name: primary.Name, Auth: tpm2.PasswordAuth(nil)},
		func() { c.flush(primary.ObjectHandle) }, nil
}

// load loads a key, in place of another one.
func (c *connection) load(k *Key) error {
	if c.loaded == k {
		return nil
	}
	c.unload()
	err := c.loadBelow(k, k.file.rsaParent)
	// Programs that know nothing of rsaParent exist, with RSA.
	if errors.Is(err, tpm2.TPMRCIntegrity) && !k.file.rsaParent {
		if c.loadBelow(k, true) == nil {
			return nil
		}
	}
	return err
}

func (c *connection) loadBelow(k *Key, useRSA bool) error {
	parent, flush, err := c.parent(k.file.parent, useRSA)
	if err != nil {
		return err
	}
	defer flush()
	public, err := tpm2.Unmarshal[tpm2.TPM2BPublic](k.file.public)
	if err != nil {
		return errMalformed
	}
	private, err := c.private(k.file, parent, public)
	if err != nil {
		return err
	}
	loaded, err := tpm2.Load{ParentHandle: parent, InPrivate: *private, InPublic: *public}.Execute(c)
	if err != nil {
		return explain(err, "the key")
	}
	c.loaded, c.handle = k, tpm2.AuthHandle{Handle: loaded.ObjectHandle, Name: loaded.Name, Auth: k.session()}
	return nil
}

// private is what Load wants: an importable key becomes one of this TPM first.
func (c *connection) private(f *keyFile, parent tpm2.AuthHandle, public *tpm2.TPM2BPublic) (*tpm2.TPM2BPrivate, error) {
	private, err := tpm2.Unmarshal[tpm2.TPM2BPrivate](f.private)
	if err != nil {
		return nil, errMalformed
	}
	if !f.importable {
		return private, nil
	}
	secret, err := tpm2.Unmarshal[tpm2.TPM2BEncryptedSecret](f.secret)
	if err != nil {
		return nil, errMalformed
	}
	imported, err := tpm2.Import{
		ParentHandle: parent, ObjectPublic: *public, Duplicate: *private, InSymSeed: *secret,
		Symmetric: tpm2.TPMTSymDef{Algorithm: tpm2.TPMAlgNull},
	}.Execute(c)
	if err != nil {
		return nil, explain(err, "the key")
	}
	return &imported.OutPrivate, nil
}

// session proves the password without sending it to the TPM.
func (k *Key) session() tpm2.Session {
	if k.auth == "" {
		return tpm2.PasswordAuth(nil)
	}
	return tpm2.HMAC(tpm2.TPMAlgSHA256, 16, tpm2.Auth([]byte(k.auth)))
}

// unload flushes the key that is loaded.
func (c *connection) unload() {
	if c.loaded != nil {
		c.flush(c.handle.Handle)
		c.loaded = nil
	}
}

// flush removes an object from the TPM. Where that fails nothing can be done about it.
func (c *connection) flush(h tpm2.TPMHandle) {
	_, _ = tpm2.FlushContext{FlushHandle: h}.Execute(c)
}

// causes are for the codes that a person meets.
var causes = []struct {
	code       tpm2.TPMRC
	what, hint string
	auth       bool
}{
	{tpm2.TPMRCIntegrity, "it is of another TPM, or the TPM was cleared since", "make another key: dnseal identity new NAME --tpm", false},
	{tpm2.TPMRCAuthFail, "the TPM refused the password", `correct the file "password" beside the key; dnseal tries a wrong one once only, because a TPM locks itself after some`, true},
	{tpm2.TPMRCBadAuth, "the TPM refused the password", `correct the file "password" beside the key; dnseal tries a wrong one once only`, true},
	{tpm2.TPMRCLockout, "the TPM is locked after wrong passwords", "wait, or unlock it: tpm2_dictionarylockout --clear-lockout", false},
	{tpm2.TPMRCObjectMemory, "the TPM has no room for another key", "use the resource manager /dev/tpmrm0, or flush what others left: tpm2_flushcontext -t", false},
	{tpm2.TPMRCSessionMemory, "the TPM has no room for another session", "use the resource manager /dev/tpmrm0, or flush what others left: tpm2_flushcontext -l", false},
	{tpm2.TPMRCScheme, "the key is bound to another way to sign", "make another key: dnseal identity new NAME --tpm", false},
	{tpm2.TPMRCInitialize, "the TPM is not started", "start it: tpm2_startup -c", false},
	{tpm2.TPMRCCurve, "the TPM does not have this curve", "use p256", false},
}

// explain is an error of the TPM in words.
func explain(err error, what string) error {
	for _, c := range causes {
		switch {
		case !errors.Is(err, c.code):
		case c.auth:
			return withHint(&authError{fmt.Sprintf("tpm: %s: %s", what, c.what)}, "%s", c.hint)
		default:
			return withHint(fmt.Errorf("tpm: %s: %s: %w", what, c.what, err), "%s", c.hint)
		}
	}
	if errors.Is(err, errBroken) {
		return err
	}
	return fmt.Errorf("tpm: %s: %w", what, err)
}
