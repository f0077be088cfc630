package smime

import (
	"crypto/rand"
	"slices"
	"strings"

	"dnseal/smime/cms"
	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/transit"
	"dnseal/smime/message"
)

// writeEntity writes the entity to be signed.
func (s *signing) writeEntity(w *message.Spool) error {
	if _, err := w.Write(s.header); err != nil {
		return err
	}
	e := transit.Emitter{Ctx: s.ctx, Src: s.src, W: w, Plan: s.plan}
	return e.Content(s.root, s.m.Size())
}

// preamble is what readers without MIME show (RFC 2046, Section 5.1.1).
const preamble = "This is an S/MIME signed message.\r\n"

// signatureRoom is the usual size of a signature with its certificate.
const signatureRoom = 4 << 10

// makeClear writes the body of a multipart/signed message (RFC 8551, Section 3.5.3).
func (s *signing) makeClear(body *message.Spool) error {
	boundary := "----dnseal-" + rand.Text() // RFC 2046, Section 5.1.1: at most 70 characters
	body.Grow(s.m.Size() + int64(len(s.header)) + signatureRoom)
	if _, err := body.WriteString(preamble + "\r\n--" + boundary + "\r\n"); err != nil {
		return err
	}
	s.off = body.Size()
	if err := s.writeEntity(body); err != nil {
		return err
	}
	s.size = body.Size() - s.off
	der, err := cms.Sign(&entity.RangeReader{Ctx: s.ctx, Src: body, Off: s.off, Left: s.size}, s.cmsOptions())
	if err != nil {
		return err
	}
	// RFC 8551, Section 3.5.3.1; the name: Section 3.2.1.
	if _, err = body.WriteString("\r\n--" + boundary + "\r\n" +
		"Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n" +
		"Content-Transfer-Encoding: base64\r\n" +
		"Content-Disposition: attachment; filename=\"smime.p7s\"\r\n" +
		"Content-Description: S/MIME signature\r\n\r\n"); err != nil {
		return err
	}
	b := transit.NewBase64Writer(body)
	if _, err = b.Write(der); err == nil {
		err = b.Close()
	}
	if err != nil {
		return err
	}
	s.fields = []message.Change{
		{Op: message.Append, Name: "MIME-Version", Value: " 1.0"},
		// RFC 1847, Section 2.1; RFC 8551, Section 3.5.3.2.
		{Op: message.Append, Name: "Content-Type", Value: " multipart/signed; protocol=\"application/pkcs7-signature\";\r\n micalg=\"" +
			micalgFor(s.opts.Signers) + "\"; boundary=\"" + boundary + "\""},
	}
	_, err = body.WriteString("--" + boundary + "--\r\n")
	return err
}

// makeOpaque writes the body of an application/pkcs7-mime message (RFC 8551, Section 3.5.2). DER
// wants lengths first, so the entity is spooled before it is signed.
func (s *signing) makeOpaque(body *message.Spool) error {
	entity := message.NewSpool(0)
	defer entity.Close() //nolint:errcheck // a file that is unlinked already
	entity.Grow(s.m.Size() + int64(len(s.header)) + 1<<10)
	if err := s.writeEntity(entity); err != nil {
		return err
	}
	s.size = entity.Size()
	body.Grow(s.size/transit.Base64Line*(transit.Base64Column+2) + 2*signatureRoom)
	b := transit.NewBase64Writer(body)
	if err := cms.SignAttached(b, entity.Open(), s.size, s.cmsOptions()); err != nil {
		return err
	}
	s.fields = []message.Change{
		{Op: message.Append, Name: "MIME-Version", Value: " 1.0"},
		// RFC 8551, Sections 3.2.1 and 3.2.2.
		{Op: message.Append, Name: "Content-Type", Value: " application/pkcs7-mime; smime-type=signed-data; name=\"smime.p7m\""},
		{Op: message.Append, Name: "Content-Transfer-Encoding", Value: " base64"},
		{Op: message.Append, Name: "Content-Disposition", Value: " attachment; filename=\"smime.p7m\""},
	}
	return b.Close()
}

func (s *signing) cmsOptions() cms.SignOptions {
	opts := cms.SignOptions{Signers: s.opts.Signers, Time: s.opts.Time, NoTime: s.result.NoSigningTime, Certificates: s.certificates, Unsigned: s.opts.Unsigned}
	if s.opts.NoCertificates {
		// RFC 5652, Section 5.3: without certificate the signer is named by its key.
		opts.Signers = nil
		for _, signer := range s.opts.Signers {
			bare := cms.Signer{Key: signer.Key, PSS: signer.PSS}
			if beside := signer.PostQuantum; beside != nil {
				bare.PostQuantum = &cms.Signer{Key: beside.Key}
			}
			opts.Signers = append(opts.Signers, bare)
		}
	}
	return opts
}

// micalgFor is the micalg parameter for a set of signers (RFC 8551, Section 3.5.3.2). It is a
// hint for readers that work in one pass: the digests that count are named in the signature.
func micalgFor(signers []cms.Signer) string {
	var names []string
	for _, s := range signers {
		// A key that cannot sign is refused by package cms.
		digest, _ := cms.SigningDigest(s.Key.Public())
		names = append(names, cms.Micalg(digest))
	}
	return joinNames(names)
}

// micalgOf is micalgFor for signatures that were made.
func micalgOf(sd *cms.SignedData) string {
	var names []string
	for _, si := range sd.Signers {
		names = append(names, cms.Micalg(si.DigestAlgorithm))
	}
	return joinNames(names)
}

func joinNames(names []string) string {
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}
