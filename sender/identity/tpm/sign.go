//go:build !submit || tpm

package tpm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"

	"github.com/google/go-tpm/tpm2"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var errOptions = errors.New("tpm: these options do not fit to the key")

// hashes are the digests that mail is signed with.
var hashes = map[crypto.Hash]tpm2.TPMIAlgHash{
	crypto.SHA256: tpm2.TPMAlgSHA256,
	crypto.SHA384: tpm2.TPMAlgSHA384,
	crypto.SHA512: tpm2.TPMAlgSHA512,
}

// schemeOf says how the TPM signs.
func schemeOf(public crypto.PublicKey, digest []byte, opts crypto.SignerOpts) (tpm2.TPMTSigScheme, error) {
	var none tpm2.TPMTSigScheme
	if opts == nil {
		return none, errOptions
	}
	hash := opts.HashFunc()
	algorithm, ok := hashes[hash]
	if !ok || len(digest) != hash.Size() {
		return none, errOptions
	}
	scheme := tpm2.TPMSSchemeHash{HashAlg: algorithm}
	pss, isPSS := opts.(*rsa.PSSOptions)
	_, isRSA := public.(*rsa.PublicKey)
	switch {
	case !isRSA:
		return tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUSigScheme(tpm2.TPMAlgECDSA, &scheme)}, nil
	case !isPSS:
		return tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgRSASSA, Details: tpm2.NewTPMUSigScheme(tpm2.TPMAlgRSASSA, &scheme)}, nil
	case pss.SaltLength != rsa.PSSSaltLengthEqualsHash && pss.SaltLength != hash.Size():
		return none, errOptions
	}
	return tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgRSAPSS, Details: tpm2.NewTPMUSigScheme(tpm2.TPMAlgRSAPSS, &scheme)}, nil
}

func (k *Key) signCommand(digest []byte, opts crypto.SignerOpts) (tpm2.Sign, error) {
	scheme, err := schemeOf(k.public, digest, opts)
	return tpm2.Sign{
		Digest: tpm2.TPM2BDigest{Buffer: append([]byte(nil), digest...)}, InScheme: scheme,
		Validation: tpm2.TPMTTKHashCheck{Tag: tpm2.TPMSTHashCheck},
	}, err
}

func (k *Key) sign(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	command, err := k.signCommand(digest, opts)
	if err != nil {
		return nil, err
	}
	if k.refused.Load() {
		return nil, explain(tpm2.TPMRCBadAuth, "the key")
	}
	var response *tpm2.SignResponse
	err = k.device.use(k.limit, func(c *connection) error {
		r, failed := c.sign(k, command)
		response = r
		return failed
	})
	if err != nil {
		k.refused.Store(errors.Is(err, ErrAuth))
		return nil, err
	}
	return k.signature(response.Signature, digest, opts)
}

// sign signs once. A key that the TPM has lost (it was restarted) is loaded again.
func (c *connection) sign(k *Key, command tpm2.Sign) (*tpm2.SignResponse, error) {
	for again := range 2 {
		if err := c.load(k); err != nil {
			return nil, err
		}
		command.KeyHandle = c.handle
		response, err := command.Execute(c)
		switch {
		case err == nil:
			return response, nil
		case again == 0 && lost(err):
			c.loaded = nil
		default:
			return nil, explain(err, "signing")
		}
	}
	return nil, errors.New("tpm: the TPM does not keep the key")
}

// lost reports whether err says that the TPM does not have the key's handle.
func lost(err error) bool {
	return errors.Is(err, tpm2.TPMRCHandle) || errors.Is(err, tpm2.TPMRCReferenceH0) || errors.Is(err, tpm2.TPMRCValue)
}

// signature makes what crypto.Signer returns.
func (k *Key) signature(sig tpm2.TPMTSignature, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		if pss, ok := opts.(*rsa.PSSOptions); ok {
			return k.pssSignature(public, sig, digest, pss)
		}
		s, err := sig.Signature.RSASSA()
		if err != nil {
			return nil, fmt.Errorf("tpm: signing: %w", err)
		}
		return s.Sig.Buffer, nil
	case *ecdsa.PublicKey:
		s, err := sig.Signature.ECDSA()
		if err != nil {
			return nil, fmt.Errorf("tpm: signing: %w", err)
		}
		var b cryptobyte.Builder
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1BigInt(new(big.Int).SetBytes(s.SignatureR.Buffer))
			b.AddASN1BigInt(new(big.Int).SetBytes(s.SignatureS.Buffer))
		})
		return b.Bytes()
	}
	return nil, errOptions
}

// pssSignature refuses a salt of another length than was wanted: TPM 2.0 Library, Part 1, Section
// B.7, lets a TPM make the longest salt that there is place for, and receivers refuse it.
func (k *Key) pssSignature(public *rsa.PublicKey, sig tpm2.TPMTSignature, digest []byte, opts *rsa.PSSOptions) ([]byte, error) {
	s, err := sig.Signature.RSAPSS()
	if err != nil {
		return nil, fmt.Errorf("tpm: signing: %w", err)
	}
	exact := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	if rsa.VerifyPSS(public, opts.Hash, digest, s.Sig.Buffer, exact) != nil {
		return nil, withHint(errors.New("tpm: this TPM makes RSASSA-PSS signatures with a salt of another length than the digest's, which mail does not allow"),
			"use a key that signs by PKCS #1 v1.5: --algorithm rsa2048")
	}
	return s.Sig.Buffer, nil
}
