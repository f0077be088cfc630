package receiver_test

// encodedWords are display names whose encoded words are no RFC 2047, and which readers decode all
// the same.
func (c *cast) encodedWords() []vector {
	shown := func(name, readme, from string) vector {
		return vector{
			name: name, readme: readme, eml: header(from) + clear(bare, signedBy(bare, c.mallory, nil)),
			zone: c.everybody(), report: verdict("policy", "display-name"),
		}
	}
	const mallory = " <mallory@mallory.example>"
	return attacks([]vector{
		shown("shown-word-joined", "The base64 of an address is cut in two encoded words, not between four characters.", `=?utf-8?b?YWx?= =?utf-8?b?pY2VAYmFuaw==?=`+mallory),
		shown("shown-word-padding", "Padding stands inside the base64 of an address.", `=?utf-8?b?YWxpY2U=QGJhbms=?=`+mallory),
		shown("shown-word-hexadecimal", "Two encoded words cut the code of an @ in two.", `=?utf-8?q?alice=4?= =?utf-8?q?0bank?=`+mallory),
	})
}
