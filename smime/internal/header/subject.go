package header

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"dnseal/smime/message"
)

// subject is a Subject taken apart as mailing lists do it.
type subject struct {
	tags   []string // names of lists in square brackets
	reply  string   // what says that it is a reply: "re:", "aw:re:"
	text   string   // all after those
	tagged bool     // a tag is the first thing
}

// Subject compares a Subject with its signed copy. Lists put "[name] " in front, or after the "Re:"
// (RFC 5322, Section 3.6.5); they move one that a reply has to another place, count it on, and make
// one "Re:" of several (Mailman, mlmmj, Sympa). None of that is a change.
func (c *Comparer) Subject(signed, outer message.Field) bool {
	return !c.stretched(signed, outer) && inCharsets(signed, outer, func(was, is, charset string) bool {
		return sameButTags(parseSubject(c.decoded(was, "")), parseSubject(c.decoded(is, charset)))
	})
}

// sameButTags lets a number in a tag be another only where a list counts on what a reply has: an
// author may have written it.
func sameButTags(signed, outer subject) bool {
	counted := outer.tagged && signed.reply != ""
	return signed.text == outer.text && outer.hasTags(signed.tags, counted) && len(outer.tags) <= max(maxTags, len(signed.tags)) &&
		(signed.reply == outer.reply || counted && outer.reply == "re:")
}

// maxTags is how many lists a message can have gone through.
const maxTags = 4

// maxMarks is how many tags and marks of replies are looked at; what stands after those is text.
const maxMarks = 16

// listTag is the name of a list with what may be its number. It is short, of a few words, and of
// nothing but what such names are made of, so that no sentence can be put into it.
var listTag = regexp.MustCompile(`^\s*\[\s*((?:[\p{L}\p{M}\p{N}_.+&#:-]+\s*){1,4})\]`)

// maxTag is the most characters of a name without white space.
const maxTag = 32

var (
	replyMark  = regexp.MustCompile(`^\s*(?i:re|aw|sv|vs)\s*(?:\[\d{1,3}\])?\s*:`)
	listNumber = regexp.MustCompile(`[#:]?\d+$`)
)

// parseSubject takes a subject apart: tags of lists, marks of replies, and the text.
func parseSubject(s string) subject {
	var out subject
	for n := range maxMarks {
		if tag, rest := cutTag(s); tag != "" {
			out.tags = append(out.tags, tag)
			out.tagged = out.tagged || n == 0
			s = rest
			continue
		}
		mark := replyMark.FindString(s)
		if mark == "" {
			break
		}
		out.reply += strings.ToLower(WithoutSpace(mark))
		s = s[len(mark):]
	}
	out.text = WithoutSpace(s)
	return out
}

// cutTag cuts the name of a list off the beginning of s.
func cutTag(s string) (tag, rest string) {
	m := listTag.FindStringSubmatch(s)
	if m == nil {
		return "", s
	}
	if tag = WithoutSpace(m[1]); utf8.RuneCountInString(tag) > maxTag {
		return "", s
	}
	return tag, s[len(m[0]):]
}

// hasTags reports whether all tags of the copy are still there; counted says that their numbers may
// be others.
func (s subject) hasTags(tags []string, counted bool) bool {
	name := func(tag string) string {
		if counted {
			return listNumber.ReplaceAllString(tag, "")
		}
		return tag
	}
	left := slices.Clone(s.tags)
	for _, tag := range tags {
		i := slices.IndexFunc(left, func(l string) bool { return name(l) == name(tag) })
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}
