package smime

import (
	"bytes"
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"

	"dnseal/smime/cms"
	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/transit"
	"dnseal/smime/message"
)

// selfCheck parses the message as a verifier does: the root part from its header, with the same
// checks for ambiguity, the exact bytes that are signed, their digest against the signed attribute,
// the certificate against the key. That these bytes contain everything that came in was checked
// while they were written (internal/transit/account.go), and the fields that remain before that
// (transit.HeaderFault).
func (s *signing) selfCheck(body *message.Spool) error {
	header := make([]byte, 0, 512)
	for _, f := range s.fields {
		header = append(append(append(append(header, f.Name...), ':'), f.Value...), '\r', '\n')
	}
	fields, _ := message.ParseHeader(header)
	root, err := entity.WalkShallow(s.ctx, body, fields, 0, body.Size())
	if err != nil {
		return err
	}
	if doubt := cmp.Or(entity.Ambiguity(root, false), s.entityDefect()); doubt != "" {
		return fmt.Errorf("%w: %s", ErrSelfCheck, doubt)
	}
	check := s.checkClear
	if s.opaque {
		check = s.checkOpaque
	}
	sd, digests, err := check(body, root)
	if err != nil {
		return err
	}
	return s.checkSigners(sd, digests)
}

// entityDefect says why what is signed would be no MIME entity, or "". Of a protected header every
// field counts, and each was checked when it was copied: it is read again for FullSelfCheck only.
func (s *signing) entityDefect() string {
	if !s.opts.NoHeaderProtection && !s.opts.FullSelfCheck {
		return ""
	}
	entity := &entity.Part{Type: entity.MediaType{Name: cmp.Or(s.root.Type.Name, "text/plain")}}
	if !s.opts.NoHeaderProtection {
		entity.Type.Params = protectedParams(s.protection())
	}
	entity.Fields, _ = message.ParseHeader(s.header)
	return entityDefect(entity, s.m.Header())
}

func protectedParams(p transit.Protection) []entity.Param {
	return []entity.Param{{Name: entity.HP, Value: string(p)}}
}

func (s *signing) checkClear(body io.ReaderAt, root *entity.Part) (*cms.SignedData, *cms.Digests, error) {
	if entity.KindOf(root) != entity.ClearSigned {
		return nil, nil, fmt.Errorf("%w: it is no multipart/signed", ErrSelfCheck)
	}
	if defect := frameDefect(root); defect != "" {
		return nil, nil, fmt.Errorf("%w: %s", ErrSelfCheck, defect)
	}
	// RFC 8551, Section 3.5.3.1.
	if name := root.Kids[1].Type.Name; !entity.IsSignature(name) {
		return nil, nil, fmt.Errorf("%w: the signature part is %s", ErrSelfCheck, entity.Quoted(name))
	}
	if s.opts.FullSelfCheck {
		if err := s.checkOwn(body, root); err != nil {
			return nil, nil, err
		}
	}
	if root.Preamble.Odd() || root.Epilogue.Odd() {
		return nil, nil, fmt.Errorf("%w: text next to what is signed", ErrSelfCheck)
	}
	if off, n := root.Kids[0].SignedRange(); off != s.off || n != s.size {
		return nil, nil, fmt.Errorf("%w: other bytes would be checked than were signed", ErrSelfCheck)
	}
	sd, tail, err := entity.ReadCMS(s.ctx, body, root.Kids[1], nil)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrSelfCheck, err)
	}
	if defect := detachedDefect(sd, tail); defect != "" {
		return nil, nil, fmt.Errorf("%w: %s", ErrSelfCheck, defect)
	}
	digests := sd.Digests()
	if err := entity.CopyRange(s.ctx, digests, body, s.off, s.size); err != nil {
		return nil, nil, err
	}
	// RFC 8551, Section 3.5.3.2.
	if want := root.Type.Get("micalg"); want != micalgOf(sd) {
		return nil, nil, fmt.Errorf("%w: micalg is %q", ErrSelfCheck, want)
	}
	return sd, digests, nil
}

// checkOwn checks what is the same in every message, or random: the header of the signature part,
// and that the boundary is in nothing but the three lines that begin with it. Otherwise only the
// tests check both.
func (s *signing) checkOwn(body io.ReaderAt, root *entity.Part) error {
	if defect := signatureDefect(root); defect != "" {
		return fmt.Errorf("%w: %s", ErrSelfCheck, defect)
	}
	if n, err := boundaries(s.ctx, body, root); err != nil || n != 3 {
		return errors.Join(fmt.Errorf("%w: %d boundary lines", ErrSelfCheck, n), err)
	}
	return nil
}

func (s *signing) checkOpaque(body io.ReaderAt, root *entity.Part) (*cms.SignedData, *cms.Digests, error) {
	if entity.KindOf(root) != entity.CMSObject {
		return nil, nil, fmt.Errorf("%w: it is no application/pkcs7-mime", ErrSelfCheck)
	}
	sd, tail, err := entity.ReadCMS(s.ctx, body, root, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrSelfCheck, err)
	}
	switch defect := attachedDefect(sd, ""); {
	case defect != "":
		return nil, nil, fmt.Errorf("%w: %s", ErrSelfCheck, defect)
	case tail || !sd.Attached || sd.ContentSize != s.size:
		return nil, nil, fmt.Errorf("%w: other bytes would be checked than were signed", ErrSelfCheck)
	}
	return sd, sd.Digests(), nil
}

// checkSigners expects one signature of every signer, in any order.
func (s *signing) checkSigners(sd *cms.SignedData, digests *cms.Digests) error {
	if len(sd.Signers) != len(s.opts.Signers) {
		return fmt.Errorf("%w: %d signatures by %d signers", ErrSelfCheck, len(sd.Signers), len(s.opts.Signers))
	}
	missing := slices.Clone(s.opts.Signers)
	for _, si := range sd.Signers {
		i := slices.IndexFunc(missing, func(signer cms.Signer) bool { return s.madeBy(signer, si, sd) })
		switch {
		case i < 0:
			return fmt.Errorf("%w: a signature by none of the signers", ErrSelfCheck)
		// RFC 5652, Section 5.6.
		case !bytes.Equal(digests.Sum(si.DigestAlgorithm), si.MessageDigest):
			return fmt.Errorf("%w: the signed digest is not that of the content", ErrSelfCheck)
		}
		if s.opts.FullSelfCheck {
			if err := si.Verify(digests, missing[i].Key.Public()); err != nil {
				return fmt.Errorf("%w: %w", ErrSelfCheck, err)
			}
		}
		if err := s.checkPostQuantum(missing[i].PostQuantum, si, digests); err != nil {
			return err
		}
		missing = slices.Delete(missing, i, i+1)
	}
	return nil
}

// checkPostQuantum expects the signature of a post-quantum signer beside si; none where signer is
// nil.
func (s *signing) checkPostQuantum(signer *cms.Signer, si *cms.SignerInfo, digests *cms.Digests) error {
	sd, err := si.PostQuantum()
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrSelfCheck, err)
	case signer == nil && sd == nil:
		return nil
	case signer == nil || sd == nil || !s.madeBy(*signer, sd.Signers[0], sd):
		return fmt.Errorf("%w: the signature beside is not by the post-quantum signer", ErrSelfCheck)
	// RFC 5652, Section 5.6.
	case !bytes.Equal(digests.Sum(sd.Signers[0].DigestAlgorithm), sd.Signers[0].MessageDigest):
		return fmt.Errorf("%w: the digest signed beside is not that of the content", ErrSelfCheck)
	case !s.opts.FullSelfCheck:
		return nil
	}
	if err := sd.Signers[0].Verify(digests, signer.Key.Public()); err != nil {
		return fmt.Errorf("%w: beside: %w", ErrSelfCheck, err)
	}
	return nil
}

// madeBy reports whether si names the certificate, or else the key, of a signer (RFC 5652, Section
// 5.3).
func (s *signing) madeBy(signer cms.Signer, si *cms.SignerInfo, sd *cms.SignedData) bool {
	if signer.Certificate == nil || s.opts.NoCertificates {
		spki, err := cms.MarshalPublicKey(signer.Key.Public())
		return err == nil && si.MatchKey(spki) == nil
	}
	cert := si.Certificate(sd, nil)
	if cert == nil || !bytes.Equal(cert.Raw, signer.Certificate.Raw) {
		return false
	}
	pub, err := cms.PublicKey(cert)
	key, ok := signer.Key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return err == nil && ok && key.Equal(pub)
}
