package smime

import "strings"

// kind is what an entity is to S/MIME and PGP, as far as its header tells.
type kind uint8

const (
	plain       kind = iota
	clearSigned      // multipart/signed with a CMS signature
	// application/pkcs7-mime: what it holds shows only inside, unless smime-type says so
	cmsObject
	pgpSigned    // multipart/signed by PGP/MIME (RFC 3156)
	pgpEncrypted // multipart/encrypted
	pgpInline    // application/pgp
)

// kindOf classifies a part. RFC 8551, Section 3.10: the type names with x- and what says it only in
// a file name are S/MIME too.
func kindOf(p *part) kind {
	switch p.typ.name {
	case "multipart/signed":
		return signedKind(p)
	case "multipart/encrypted":
		return pgpEncrypted
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return cmsObject
	case "application/pgp":
		return pgpInline
	case "application/octet-stream":
		// Only a whole message: an attached document of that name is a document that somebody
		// signed.
		if p.parent == nil && strings.HasSuffix(strings.ToLower(fileName(p)), ".p7m") {
			return cmsObject
		}
	}
	return plain
}

// signedKind tells the protocols of multipart/signed apart; where the parameter is missing the type
// of the second part does.
func signedKind(p *part) kind {
	protocol := strings.ToLower(p.typ.get("protocol"))
	if protocol == "" && len(p.kids) > 1 {
		protocol = p.kids[1].typ.name
	}
	switch protocol {
	case "application/pkcs7-signature", "application/x-pkcs7-signature", "application/pkcs7-mime", "application/x-pkcs7-mime", "":
		return clearSigned
	case "application/pgp-signature":
		return pgpSigned
	}
	if len(p.kids) > 1 && isSignaturePart(p.kids[1]) {
		return clearSigned
	}
	return plain
}

// isSignaturePart reports whether p is meant as the second part of a multipart/signed, rightly or
// not: signatureDefect judges.
func isSignaturePart(p *part) bool {
	if isSignature(p.typ.name) {
		return true
	}
	// Some old senders use the type of the other form, or none but a file name.
	return p.typ.is("application/pkcs7-mime", "application/x-pkcs7-mime", "application/octet-stream") &&
		strings.HasSuffix(strings.ToLower(fileName(p)), ".p7s")
}

// fileName is the name a part gives itself, in either field.
func fileName(p *part) string {
	if name := p.typ.get("name"); name != "" {
		return name
	}
	v, n := field(p.fields, "Content-Disposition")
	if n == 0 {
		return ""
	}
	return parseMediaType(v).get("filename")
}

// isSignature knows the media types of a detached signature (RFC 8551, Section 3.10; with x- before
// RFC 2311).
func isSignature(name string) bool {
	return name == "application/pkcs7-signature" || name == "application/x-pkcs7-signature"
}
