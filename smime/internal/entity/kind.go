package entity

import "strings"

// Kind is what an entity is to S/MIME and PGP, as far as its header tells.
type Kind uint8

// Kinds of entities.
const (
	Plain       Kind = iota
	ClearSigned      // multipart/signed with a CMS signature
	// CMSObject: application/pkcs7-mime: what it holds shows only inside, unless smime-type says so
	CMSObject
	PgpSigned    // multipart/signed by PGP/MIME (RFC 3156)
	PgpEncrypted // multipart/encrypted (RFC 1847, Section 2.2)
	PgpInline    // application/pgp
)

// KindOf classifies a part. RFC 8551, Section 3.10: the type names with x- and what says it only in
// a file name are S/MIME too.
func KindOf(p *Part) Kind {
	switch p.Type.Name {
	case "multipart/signed":
		return signedKind(p)
	case "multipart/encrypted":
		return PgpEncrypted
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return CMSObject
	case "application/pgp":
		return PgpInline
	case "application/octet-stream":
		// Only a whole message: an attached document of that name is a document that somebody
		// signed.
		if p.Parent == nil && strings.HasSuffix(strings.ToLower(FileName(p)), ".p7m") {
			return CMSObject
		}
	}
	return Plain
}

// signedKind tells the protocols of multipart/signed apart (RFC 1847, Section 2.1). Where the
// parameter is missing the type of the second part does, which is the same.
func signedKind(p *Part) Kind {
	protocol := strings.ToLower(p.Type.Get("protocol"))
	if protocol == "" && len(p.Kids) > 1 {
		protocol = p.Kids[1].Type.Name
	}
	switch protocol {
	case "application/pkcs7-signature", "application/x-pkcs7-signature", "application/pkcs7-mime", "application/x-pkcs7-mime", "":
		return ClearSigned
	case "application/pgp-signature":
		return PgpSigned
	}
	if len(p.Kids) > 1 && isSignaturePart(p.Kids[1]) {
		return ClearSigned
	}
	return Plain
}

// isSignaturePart reports whether p is meant as the second part of a multipart/signed, rightly or
// not: signatureDefect judges.
func isSignaturePart(p *Part) bool {
	if IsSignature(p.Type.Name) {
		return true
	}
	// Some old senders use the type of the other form, or none but a file name.
	return p.Type.Is("application/pkcs7-mime", "application/x-pkcs7-mime", "application/octet-stream") &&
		strings.HasSuffix(strings.ToLower(FileName(p)), ".p7s")
}

// FileName is the name a part gives itself: in Content-Disposition (RFC 2183, Section 2.3), or
// where older programs have it.
func FileName(p *Part) string {
	if name := p.Type.Get("name"); name != "" {
		return name
	}
	v, n := Field(p.Fields, "Content-Disposition")
	if n == 0 {
		return ""
	}
	return ParseMediaType(v).Get("filename")
}

// IsSignature knows the media types of a detached signature (RFC 8551, Section 3.10; with x- before
// RFC 2311).
func IsSignature(name string) bool {
	return name == "application/pkcs7-signature" || name == "application/x-pkcs7-signature"
}
