package receiver

import (
	"testing"

	"dnseal/smime/message"
)

func TestMisleading(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`a@example.org`:                                  "",
		`Alice <a@example.org>`:                          "",
		`"'a@example.org'" <a@example.org>`:              "",
		`"{A@Example.ORG}" <a@example.org>`:              "",
		`a@example.org (a@example.org.)`:                 "",
		`"Team @ Work" <a@example.org>`:                  "",
		`"Team @Work" <a@example.org>`:                   "",
		`"Support @ example.org" <a@example.org>`:        "",
		`"a" (@example.org) <a@example.org>`:             "",
		`Alice < a (her) @ (at) example.org >`:           "",
		`"Team@Work" <a@example.org>`:                    "Team@work",
		`"admin@localhost" <a@example.org>`:              "admin@localhost",
		`"@b.example" <a@example.org>`:                   "@b.example",
		`"Team @ b.example" <a@example.org>`:             "@b.example",
		`"b\@example.org" <a@example.org>`:               "b@example.org",
		`"b\@bank" <a@example.org>`:                      "b@bank",
		`"\b\@\e\xample.org" <a@example.org>`:            "b@example.org",
		`"b(x)@bank" <a@example.org>`:                    "b@bank",
		`"b@(x)bank" <a@example.org>`:                    "b@bank",
		`a@example.org (b\@example.org)`:                 "b@example.org",
		`a@example.org ((b(x)@bank))`:                    "b@bank",
		`a (b@bank) @example.org`:                        "b@bank",
		`(b@bank) a@example.org`:                         "b@bank",
		`"b@bank": a@example.org;`:                       "b@bank",
		`"b\@bank": a@example.org;`:                      "b@bank",
		`=?utf-8?q?b=5C=40example.org?= <a@example.org>`: "b@example.org",
		`=?utf-8?q?b=5C=40bank?= <a@example.org>`:        "b@bank",
		// an encoded word in another
		`=?utf-8?b?PT91dGYtOD9xP2I9NDBiYW5rPz0=?= <a@example.org>`: "b@bank",
		// a character cut in two
		`=?utf-16be?b?AGIA?= =?utf-16be?b?QABiAGEAbgBr?= <a@example.org>`: "b@bank",
		`"b%40bank" <a@example.org>`:                                      "b@bank",
		`=?iso-2022-jp?b?GyRCOzNFRBsoQg==?= <a@example.org>`:              "",
		`"b@example.org" <a@example.org>`:                                 "b@example.org",
		`"ba@example.org" <a@example.org>`:                                "ba@example.org",
		`"a@example.orgb@example.net" <a@example.org>`:                    "a@example.orgb",
		`=?utf-8?q?b=40example=2Eorg?= <a@example.org>`:                   "b@example.org",
		// without padding
		`=?utf-8?B?YkBleGFtcGxlLm9yZw?= <a@example.org>`:            "b@example.org",
		`=?UTF-8*en?q?b=40example.org?= <a@example.org>`:            "b@example.org",
		"=?utf-8?q?b=40exam?=\t=?utf-8?q?ple.org?= <a@example.org>": "b@example.org",
		`=?windows-1252?q?b=40example.org?= <a@example.org>`:        "b@example.org",
		`=?gbk?q?b=A3=C0example.org?= <a@example.org>`:              "b@example.org",
		`=?utf-16be?b?AGIAQABlAHgALgBvAHIAZw==?= <a@example.org>`:   "b@ex.org",
		`=?utf-7?q?b+AEA-example.org?= <a@example.org>`:             "=?utf-7?q?b+AEA-example.org?=",
		`=?x-mine?q?hello?= <a@example.org>`:                        "=?x-mine?q?hello?=",
		"\"b\u200b@exam\u00adple.org\u202e\" <a@example.org>":       "b@example.org",
		"\"b\uff20example\uff0eorg\" <a@example.org>":               "b@example.org",
		"\"b@example\u3002org\" <a@example.org>":                    "b@example.org",
		`"b@example.org!" <a@example.org>`:                          "b@example.org",
		`"b@exаmple.org" <a@example.org>`:                           "b@xn--exmple-4nf.org",
		`=?utf-8?q?a@example.org?= <a@example.org>`:                 "",
		`a(x)@(y)example.org`:                                       "",
		`a@[192.0.2.1]`:                                             "a@[192.0.2.1]",
	} {
		if got := misleading(value, message.Address{Local: "a", Domain: "example.org"}); got != want {
			t.Errorf("misleading(%q) = %q, want %q", value, got, want)
		}
	}
	if got := misleading(`"O'Brien" <o'brien@example.org>`, message.Address{Local: "o'brien", Domain: "example.org"}); got != "" {
		t.Errorf("an apostrophe in the address: %q", got)
	}
}
