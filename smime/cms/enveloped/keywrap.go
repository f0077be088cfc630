package enveloped

import (
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/keywrap"
)

// wrapRow is a key-wrap algorithm.
type wrapRow struct {
	oid     string
	kekSize int
	unwrap  func(kek, wrapped []byte) ([]byte, error)
}

// wrapTable has the key-wrap algorithms; that of Triple-DES is only read.
var wrapTable = [...]wrapRow{
	{oidAES128Wrap, 16, keywrap.Unwrap},
	{oidAES192Wrap, 24, keywrap.Unwrap},
	{oidAES256Wrap, 32, keywrap.Unwrap},
	{oidTripleDESWrap, 24, keywrap.UnwrapTripleDES},
}

// wrap is the AES key wrap that is as strong as the content-encryption key, which every program
// newer than 2022 reads.
func (e *encryption) wrap() *wrapRow {
	for i := range wrapTable {
		if wrapTable[i].kekSize == len(e.contentKey) {
			return &wrapTable[i]
		}
	}
	return nil // there is one for the key of every cipher that is written
}

// readWrap reads a KeyWrapAlgorithm, the DER of one AlgorithmIdentifier (RFC 5753, Section 7.1.5).
// Absent parameters and NULL are the same (RFC 3565, Section 2.3.2; RFC 3370, Section 4.3.1).
func readWrap(der []byte) (*wrapRow, error) {
	s := cryptobyte.String(der)
	var alg algorithm.Identifier
	if !algorithm.Read(&s, &alg, cbasn1.SEQUENCE) || !s.Empty() {
		return nil, unsupported("a key wrap that cannot be read")
	}
	for i := range wrapTable {
		if string(alg.OID) == wrapTable[i].oid && alg.Plain() {
			return &wrapTable[i], nil
		}
	}
	return nil, unsupported("%s", alg)
}

// fits says whether wrapped can be a key of size octets.
func (w *wrapRow) fits(wrapped []byte, size int) bool {
	if w.oid == oidTripleDESWrap {
		return len(wrapped) == keywrap.TripleDESSize && size == w.kekSize
	}
	return len(wrapped) == size+keywrap.Overhead
}
