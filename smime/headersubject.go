package smime

import (
	"regexp"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// subject is a Subject taken apart as mailing lists do it.
type subject struct {
	tags   []string // names of lists in square brackets, without their numbers
	reply  string   // what says that it is a reply: "re:", "aw:re:"
	text   string   // all after those
	tagged bool     // a tag is the first thing
}

// subject compares a Subject with its signed copy. Lists put "[name] " in front, or after the "Re:"; they move one that a reply
// has to another place, count it on, and make one "Re:" of several (Mailman, mlmmj, Sympa). None of that is a change.
func (c *comparer) subject(signed, outer message.Field) bool {
	return inCharsets(signed, outer, func(was, is, charset string) bool {
		return sameButTags(takeSubject(c.plain(was, "")), takeSubject(c.plain(is, charset)))
	})
}

func sameButTags(signed, outer subject) bool {
	return signed.text == outer.text && outer.hasTags(signed.tags) && len(outer.tags) <= max(maxTags, len(signed.tags)) &&
		(signed.reply == outer.reply || outer.tagged && signed.reply != "" && outer.reply == "re:")
}

// maxTags is how many lists a message can have gone through.
const maxTags = 4

// maxMarks is how many tags and marks of replies are looked at; what stands after those is text.
const maxMarks = 16

// listTag is the name of a list with what may be its number; white space is gone already. It is short, and of nothing but what such
// names are made of, so that no sentence can be put into it.
var listTag = regexp.MustCompile(`^\[([\p{L}\p{M}\p{N}_.+&#:-]{1,32})\]`)

var (
	replyMark  = regexp.MustCompile(`^(?i:re|aw|sv|vs)(?:\[\d{1,3}\])?:`)
	listNumber = regexp.MustCompile(`[#:]?\d+$`)
)

func takeSubject(s string) subject {
	var out subject
	for n := range maxMarks {
		if m := listTag.FindStringSubmatch(s); m != nil {
			out.tags = append(out.tags, listNumber.ReplaceAllString(m[1], ""))
			out.tagged = out.tagged || n == 0
			s = s[len(m[0]):]
			continue
		}
		mark := replyMark.FindString(s)
		if mark == "" {
			break
		}
		out.reply += strings.ToLower(mark)
		s = s[len(mark):]
	}
	out.text = s
	return out
}

// hasTags reports whether all tags of the copy are still there.
func (s subject) hasTags(tags []string) bool {
	left := slices.Clone(s.tags)
	for _, tag := range tags {
		i := slices.Index(left, tag)
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}
