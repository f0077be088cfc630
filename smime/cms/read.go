package cms

import (
	"errors"
	"io"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/certificate"
	"dnseal/smime/cms/internal/ber"
)

// Read reads exactly one ContentInfo with SignedData (BER or DER) from r. Attached content is
// streamed to content (nil: discarded) and hashed with the digests the structure
// announces; nothing of it is held in memory, but for 1 MiB where SHA-512 is announced (an Ed25519
// signer without signed attributes signs the content itself).
//
// The content is not authenticated before Verify returned nil.
//
// Errors: *SyntaxError for what is malformed, *LimitError for what is over a limit,
// *ContentTypeError when it is another type (EnvelopedData, CompressedData, …: its OID tells
// which), else what r or content returned.
func Read(r io.Reader, content io.Writer) (*SignedData, error) {
	sd := new(SignedData)
	if err := sd.readFrom(r, content); err != nil {
		return nil, err
	}
	return sd, nil
}

func (sd *SignedData) readFrom(r io.Reader, content io.Writer) error {
	b := ber.NewReader(r)
	defer b.Release()
	if err := sd.readContentInfo(b, content); err != nil {
		return err
	}
	return b.Finish()
}

// readContentInfo reads RFC 5652, Section 3:
//
//	ContentInfo ::= SEQUENCE {
//	  contentType  ContentType,
//	  content      [0] EXPLICIT ANY DEFINED BY contentType }
func (sd *SignedData) readContentInfo(b *ber.Reader, content io.Writer) error {
	return b.Inside(ber.TagSequence, "ContentInfo", func() error {
		contentType, err := readOID(b, "contentType")
		if err != nil {
			return err
		}
		// RFC 5652, Section 3.
		if contentType != oidSignedData {
			return &ContentTypeError{Type: objectIdentifier(contentType)}
		}
		return b.Inside(ber.TagContext0, "content", func() error {
			return b.Inside(ber.TagSequence, "SignedData", func() error { return sd.read(b, content) })
		})
	})
}

// read reads the contents of RFC 5652, Section 5.1:
//
//	SignedData ::= SEQUENCE {
//	  version           CMSVersion,
//	  digestAlgorithms  DigestAlgorithmIdentifiers,
//	  encapContentInfo  EncapsulatedContentInfo,
//	  certificates      [0] IMPLICIT CertificateSet OPTIONAL,
//	  crls              [1] IMPLICIT RevocationInfoChoices OPTIONAL,
//	  signerInfos       SignerInfos }
//
// The version is not checked: peers write it wrong, and nothing depends on it.
func (sd *SignedData) read(b *ber.Reader, content io.Writer) error {
	if _, err := b.Tagged(ber.TagInteger, "version", ber.LimitElement); err != nil {
		return err
	}
	if err := sd.readDigestAlgorithms(b); err != nil {
		return err
	}
	err := b.Inside(ber.TagSequence, "encapContentInfo", func() error { return sd.readContent(b, content) })
	if err != nil {
		return err
	}
	// RFC 5652, Section 5.1: certificates may be absent, incomplete or more than needed.
	if err := b.Optional(ber.TagContext0, func() error { return sd.readCertificates(b) }); err != nil {
		return err
	}
	if err := b.Optional(ber.TagContext1, func() error { return sd.readRevocation(b) }); err != nil {
		return err
	}
	if err := sd.readSigners(b); err != nil {
		return err
	}
	// RFC 5652, Section 5.1: digestAlgorithms may hold any number of elements.
	if sd.foreignDigest() {
		return b.Syntax("digestAlgorithms: one that is not known, and that no signer uses")
	}
	return nil
}

// readDigestAlgorithms reads
//
//	DigestAlgorithmIdentifiers ::= SET OF DigestAlgorithmIdentifier
//
// Unknown ones are passed over, unless no signer turns out to use them.
func (sd *SignedData) readDigestAlgorithms(b *ber.Reader) error {
	return b.Inside(ber.TagSet, "digestAlgorithms", func() error {
		return b.Each(limitDigests, func() error {
			at := b.Offset()
			der, err := b.Element(ber.LimitElement)
			if err != nil {
				return err
			}
			s := cryptobyte.String(der)
			var alg algorithmIdentifier
			if !readAlgorithm(&s, &alg, cbasn1.SEQUENCE) {
				return &SyntaxError{Offset: at, Reason: "digestAlgorithms: not an AlgorithmIdentifier"}
			}
			digest, _ := digestOf(alg.OID)
			sd.announced = append(sd.announced, digest)
			sd.digestAlgorithms = append(sd.digestAlgorithms, alg)
			return nil
		})
	})
}

// readContent reads the contents of RFC 5652, Section 5.2:
//
//	EncapsulatedContentInfo ::= SEQUENCE {
//	  eContentType  ContentType,
//	  eContent      [0] EXPLICIT OCTET STRING OPTIONAL }
func (sd *SignedData) readContent(b *ber.Reader, content io.Writer) error {
	var err error
	if sd.contentType, err = readOID(b, "eContentType"); err != nil {
		return err
	}
	sd.ContentType = objectIdentifier(sd.contentType)
	// RFC 5652, Section 5.2: eContent is absent in external (detached) signatures.
	return b.Optional(ber.TagContext0, func() error {
		sd.Attached = true
		sd.content = newDigests(sd.announced)
		var w io.Writer = sd.content
		if content != nil {
			w = io.MultiWriter(sd.content, content)
		}
		return b.Inside(ber.TagContext0, "eContent", func() error {
			sd.ContentSize, err = b.CopyOctetString(w)
			return err
		})
	})
}

// readCertificates reads RFC 5652, Sections 10.2.2 and 10.2.3:
//
//	CertificateSet ::= SET OF CertificateChoices
//
//	CertificateChoices ::= CHOICE {
//	  certificate          Certificate,
//	  extendedCertificate  [0] IMPLICIT ExtendedCertificate,
//	  v1AttrCert           [1] IMPLICIT AttributeCertificateV1,
//	  v2AttrCert           [2] IMPLICIT AttributeCertificateV2,
//	  other                [3] IMPLICIT OtherCertificateFormat }
//
// All but the first kind are refused. A certificate that cannot be read is left out of
// Certificates: it may be irrelevant to the signature (see SignerInfo.Unreadable).
func (sd *SignedData) readCertificates(b *ber.Reader) error {
	return b.Inside(ber.TagContext0, "certificates", func() error {
		return b.Each(limitCertificates, func() error {
			if cert := recall(b.Ahead(limitCertificateSize)); cert != nil {
				b.Discard(len(cert.Raw))
				sd.RawCertificates = append(sd.RawCertificates, cert.Raw)
				sd.Certificates = append(sd.Certificates, cert)
				return nil
			}
			der, err := b.Element(limitCertificateSize)
			if err != nil {
				return err
			}
			// RFC 5652, Section 10.2.2: the other formats are obsolete, or not X.509.
			if !isCertificate(der) {
				return b.Syntax("certificates: another format than X.509")
			}
			sd.RawCertificates = append(sd.RawCertificates, der)
			cert, err := parse(der)
			if err == nil {
				sd.Certificates = append(sd.Certificates, cert)
			}
			if why, ok := errors.AsType[*certificate.UnreadableError](err); ok {
				sd.unreadable = append(sd.unreadable, why)
			}
			return nil
		})
	})
}

// readSigners reads RFC 5652, Section 5.1; none is certs-only (RFC 8551, Section 3.8):
//
//	SignerInfos ::= SET OF SignerInfo
func (sd *SignedData) readSigners(b *ber.Reader) error {
	return b.Inside(ber.TagSet, "signerInfos", func() error {
		return b.Each(limitSigners, func() error {
			at := b.Offset()
			der, err := b.Element(limitSignerSize)
			if err != nil {
				return err
			}
			si, err := parseSignerInfo(der, at)
			if err != nil {
				return err
			}
			si.contentType = sd.contentType
			if !sd.beside {
				si.readPostQuantum()
			}
			sd.Signers = append(sd.Signers, si)
			return nil
		})
	})
}
