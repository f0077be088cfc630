package smime

import (
	"bytes"
	"slices"
	"strings"

	"dnseal/smime/internal/entity"
)

// Changes to the header around a signature that holds.
const (
	ChangeHeader       Change = "header-changed" // not as it was signed
	ChangeWordsDecoded Change = "words-decoded"  // the same: their encoded words were decoded
)

// explainHeader explains why HeaderState is HeaderChanged.
func explainHeader(s *Signature) Explanation {
	names := slices.Clone(s.HeaderChanges)
	slices.Sort(names)
	e := Explanation{
		Part: s.Part, Change: ChangeHeader,
		Sentence: "The signature holds over the content and the header as it was signed. Fields that readers show were changed since: " +
			strings.Join(slices.Compact(names), ", ") + ". The signed ones are at the start of the signed part.",
	}
	if len(s.ProtectedFrom) == 1 && slices.Contains(names, "From") {
		e.Sentence += " The signed From names one author, " + s.ProtectedFrom[0].String() + "."
	}
	if s.protection.decoded() {
		e.Change = ChangeWordsDecoded
		e.Sentence += " Those hold encoded words, which some program decoded, as fetchmail does with mimedecode: raw octets are left, and a comma in a name makes two addresses of one."
	}
	return e
}

// decoded reports whether a changed field holds encoded words where it was signed, and none
// outside.
// RFC 2047, Section 5.
func (p *protection) decoded() bool {
	outside := entity.SortByName(p.outer)
	word := []byte("=?")
	for _, f := range p.fields {
		at := outside.First(f)
		if at >= 0 && f.Is(p.changed...) && bytes.Contains(f.Raw, word) && !bytes.Contains(p.outer[at].Raw, word) {
			return true
		}
	}
	return false
}
