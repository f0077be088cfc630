package smime

import (
	"slices"
	"strings"

	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/header"
	"dnseal/smime/message"
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
		e.Sentence += " Those hold encoded words, which some program decoded, as fetchmail does with mimedecode: a comma in a name then makes two addresses of one."
	}
	return e
}

// decoded reports whether nothing was done to the changed fields but that the encoded words of
// their signed copies were decoded. RFC 2047, Section 5.
func (p *protection) decoded() bool {
	inside, outside := entity.SortByName(p.fields), entity.SortByName(p.outer)
	for _, name := range p.changed {
		f := message.Field{Raw: []byte(name + ":")}
		was, is := inside.First(f), outside.First(f)
		if was < 0 || is < 0 || !header.WordsDecoded(p.fields[was], p.outer[is]) {
			return false
		}
	}
	return len(p.changed) > 0
}
