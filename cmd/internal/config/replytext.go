package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/smime/message"
)

// ReplyText sets what the sender of a message is told ([reply-text]), by the class of [on] for
// which it is rejected or deferred: not-allowed = "Send as your own address, or call 4711". The
// text is one line of printable ASCII, of at most 500 octets, and takes the place of that which
// dnseal has for the class; reply code and enhanced status code before it stay. It is the same
// for reject and defer. Relay and milter use it, and of malformed, too-big and internal-error
// both signing and verifying. Replies before the message is there, as to a MAIL command over
// max-bytes, are not of a class. Default: a text of ours for each class, which says what kind of
// trouble it is and what to do, never the cause.
type ReplyText map[string]string

// classWords are the keys of [on].
func classWords() []string {
	var words []string
	for f := range reflect.TypeFor[On]().Fields() {
		words = append(words, f.Tag.Get("toml"))
	}
	return words
}

// replyText checks the texts of a table.
func (n *notes) replyText(table string, texts ReplyText) {
	known := classWords()
	for _, class := range slices.Sorted(maps.Keys(texts)) {
		key := table + "." + class
		if !slices.Contains(known, class) {
			text := fmt.Sprintf("reply-text: unknown class %q; [on] in dnseal.toml(5) lists them all", class)
			if near := nearest(class, known); near != "" {
				text = fmt.Sprintf("reply-text: unknown class %q; did you mean %q?", class, near)
			}
			n.wrong(key, "%s", text)
			continue
		}
		if err := message.CheckReplyText(texts[class]); err != nil {
			n.wrong(key, "reply-text: %s: %s; write one line of printable ASCII, at most %d octets", class, strip(err), message.MaxReplyText)
		}
	}
}

// domainReplyText checks the texts of a [[domain]], which are about verifying.
func (n *notes) domainReplyText(table string, texts ReplyText) {
	n.replyText(table, texts)
	for _, class := range slices.Sorted(maps.Keys(texts)) {
		if slices.Contains(signingClasses, class) {
			n.wrong(table+"."+class, "reply-text: %s is about signing; write it into [reply-text]", class)
		}
	}
}

// signing returns the texts of a sender.
func (t ReplyText) signing() map[sender.Class]string {
	out := map[sender.Class]string{}
	for class, text := range t {
		if slices.Contains(sharedClasses, class) || slices.Contains(signingClasses, class) {
			out[sender.Class(class)] = text
		}
	}
	return out
}

// verifying returns the texts of a receiver.
func (t ReplyText) verifying() map[receiver.Class]string {
	out := map[receiver.Class]string{}
	for class, text := range t {
		if !slices.Contains(signingClasses, class) {
			out[receiver.Class(class)] = text
		}
	}
	return out
}
