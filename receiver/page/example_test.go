package page_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"regexp"
	"strings"

	"dnseal/lookup"
	"dnseal/receiver"
	"dnseal/receiver/page"
	"dnseal/smime/message"
)

// Write makes a page of a report: one HTML document that can be kept, mailed, printed or served.
func ExampleWrite() {
	client, err := lookup.New(lookup.Options{Resolvers: []string{"127.0.0.1:53"}})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	agent, err := receiver.New(receiver.Options{Lookup: client})
	if err != nil {
		log.Fatal(err)
	}
	m, err := message.Read(strings.NewReader("From: carol@example.com\r\nSubject: <b>Lunch?</b>\r\n\r\nNoon?\r\n"), message.ReadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	report, err := agent.Verify(context.Background(), m) // unsigned mail asks the DNS nothing
	if err != nil {
		log.Fatal(err)
	}
	var html bytes.Buffer
	if err := page.Write(context.Background(), &html, report, m, page.Options{}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(regexp.MustCompile("<title>.*</title>").FindString(html.String()))
	// Output: <title>Not signed: &lt;b&gt;Lunch?&lt;/b&gt;</title>
}
