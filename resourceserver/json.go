package resourceserver

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of JSON that others send.
const (
	maxDepth   = 32
	maxMembers = 1000 // of an object
)

var errJSON = errors.New("it is not the JSON that belongs here")

// object is a JSON object. Its methods return the value of a member, nothing if there is none; a value of another type sets err.
type object struct {
	members []member
	err     error
}

type member struct{ name, value string }

// parseObject reads text that is exactly one JSON object (RFC 8259). Unlike encoding/json it refuses an object that has a member twice, at
// any depth, since readers differ in which one they take, and it does not take a name for another that differs in case.
func parseObject(text string) (*object, error) {
	if !utf8.ValidString(text) {
		return nil, errJSON
	}
	s := scanner{text: text, members: make([]member, 0, 24)}
	s.space()
	if s.peek() != '{' || !s.object(true) {
		return nil, errJSON
	}
	if s.space(); s.at != len(text) {
		return nil, errJSON
	}
	return &object{members: s.members}, nil
}

// joinMembers writes members as an object.
func joinMembers(members []member) string {
	var text strings.Builder
	for i, m := range members {
		text.WriteByte("{,"[min(i, 1)])
		name, err := json.Marshal(m.name)
		if err != nil {
			panic(err) // it is text
		}
		text.Write(name)
		text.WriteString(":" + m.value)
	}
	if len(members) == 0 {
		return "{}"
	}
	return text.String() + "}"
}

func (o *object) get(name string) (value string, has bool) {
	for i := range o.members {
		if o.members[i].name == name {
			return o.members[i].value, true
		}
	}
	return "", false
}

func (o *object) has(name string) bool {
	_, has := o.get(name)
	return has
}

func (o *object) fail() { o.err = errJSON }

func (o *object) text(name string) string {
	raw, has := o.get(name)
	if !has {
		return ""
	}
	text, ok := unquote(raw)
	if !ok {
		o.fail()
	}
	return text
}

// texts reads an array of strings.
func (o *object) texts(name string) []string {
	raw, has := o.get(name)
	if !has {
		return nil
	}
	if raw[0] != '[' {
		o.fail()
		return nil
	}
	all := make([]string, 0, strings.Count(raw, `"`)/2)
	s := scanner{text: raw, at: 1}
	for s.space(); s.peek() == '"'; s.space() {
		from := s.at
		s.quoted()
		text, _ := unquote(raw[from:s.at])
		all = append(all, text)
		if s.space(); s.peek() == ',' {
			s.at++
		}
	}
	if s.peek() != ']' {
		o.fail()
		return nil
	}
	return all
}

// textOrTexts reads a string as an array of one.
func (o *object) textOrTexts(name string) []string {
	if raw, has := o.get(name); has && raw[0] == '"' {
		return []string{o.text(name)}
	}
	return o.texts(name)
}

func (o *object) integer(name string) int64 {
	raw, has := o.get(name)
	if !has {
		return 0
	}
	n, err := strconv.ParseInt(raw, 10, 64)
	if err != nil {
		o.fail()
	}
	return n
}

// maxTime is the end of the year 9999, in seconds since 1970.
const maxTime = 253402300799

// time reads a NumericDate (RFC 7519 §2), to the second.
func (o *object) time(name string) time.Time {
	raw, has := o.get(name)
	if !has {
		return time.Time{}
	}
	seconds, err := strconv.ParseInt(raw, 10, 64)
	if err != nil {
		var fraction float64
		if fraction, err = strconv.ParseFloat(raw, 64); err == nil && fraction >= 0 && fraction <= maxTime {
			seconds = int64(fraction)
		} else {
			seconds = -1
		}
	}
	if seconds < 0 || seconds > maxTime {
		o.fail()
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// object reads a member that is an object; nil if there is none.
func (o *object) object(name string) *object {
	raw, has := o.get(name)
	if !has {
		return nil
	}
	inner, err := parseObject(raw)
	if err != nil {
		o.fail()
		return nil
	}
	return inner
}

// objects reads an array of objects. Not ok if there is none.
func (o *object) objects(name string) (all []*object, ok bool) {
	raw, _ := o.get(name)
	if raw == "" || raw[0] != '[' {
		return nil, false
	}
	s := scanner{text: raw, at: 1}
	for s.space(); s.peek() != ']'; s.space() {
		from := s.at
		s.value()
		one, err := parseObject(raw[from:s.at])
		if err != nil {
			return nil, false
		}
		all = append(all, one)
		if s.space(); s.peek() == ',' {
			s.at++
		}
	}
	return all, true
}

// bytes reads a string of base64url (RFC 7515 §2).
func (o *object) bytes(name string) []byte {
	text := o.text(name)
	decoded, err := encoding.DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		o.fail()
		return nil
	}
	return decoded
}

// unquote reads a JSON string.
func unquote(raw string) (text string, ok bool) {
	switch {
	case raw[0] != '"':
		return "", false
	case strings.IndexByte(raw, '\\') < 0:
		return raw[1 : len(raw)-1], true
	default:
		return text, json.Unmarshal([]byte(raw), &text) == nil
	}
}

// scanner walks through JSON. Its methods say whether what they passed is as RFC 8259 wants it.
type scanner struct {
	text    string
	at      int
	depth   int
	members []member // of the objects that are open, the outermost first
}

// peek is the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.at == len(s.text) {
		return 0
	}
	return s.text[s.at]
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *scanner) value() bool {
	switch c := s.peek(); {
	case c == '"':
		return s.quoted()
	case c == '{':
		return s.object(false)
	case c == '[':
		return s.array()
	case c == '-' || isDigit(c):
		return s.number()
	default:
		return s.literal("true") || s.literal("false") || s.literal("null")
	}
}

func (s *scanner) literal(word string) bool {
	ok := strings.HasPrefix(s.text[s.at:], word)
	if ok {
		s.at += len(word)
	}
	return ok
}

// object passes an object, whose members stay in s.members if they are kept.
func (s *scanner) object(keep bool) bool {
	if s.depth++; s.depth > maxDepth {
		return false
	}
	first := len(s.members)
	s.at++
	if s.space(); s.peek() == '}' {
		s.at++
		s.depth--
		return true
	}
	for {
		from := s.at
		if s.peek() != '"' || !s.quoted() {
			return false
		}
		name, ok := unquote(s.text[from:s.at])
		if s.space(); !ok || s.peek() != ':' || !s.isNew(name, first) {
			return false
		}
		s.at++
		s.space()
		from = s.at
		s.members = append(s.members, member{name: name})
		last := len(s.members) - 1
		if !s.value() {
			return false
		}
		s.members[last].value = s.text[from:s.at]
		s.space()
		c := s.peek()
		s.at++
		switch c {
		case ',':
			s.space()
		case '}':
			if !keep {
				s.members = s.members[:first]
			}
			s.depth--
			return true
		default:
			return false
		}
	}
}

// isNew reports whether the object whose members begin at first has no member of the name, and room for one.
func (s *scanner) isNew(name string, first int) bool {
	for i := first; i < len(s.members); i++ {
		if s.members[i].name == name {
			return false
		}
	}
	return len(s.members)-first < maxMembers
}

func (s *scanner) array() bool {
	if s.depth++; s.depth > maxDepth {
		return false
	}
	s.at++
	if s.space(); s.peek() == ']' {
		s.at++
		s.depth--
		return true
	}
	for {
		if !s.value() {
			return false
		}
		s.space()
		c := s.peek()
		s.at++
		switch c {
		case ',':
			s.space()
		case ']':
			s.depth--
			return true
		default:
			return false
		}
	}
}

func (s *scanner) quoted() bool {
	s.at++
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return true
		case c == '\\':
			if !s.escape() {
				return false
			}
		case c < ' ':
			return false
		default:
			s.at++
		}
	}
	return false
}

func (s *scanner) escape() bool {
	s.at++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at++
		return true
	case 'u':
		s.at++
		for range 4 {
			if c := s.peek(); !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				return false
			}
			s.at++
		}
		return true
	default:
		return false
	}
}

func (s *scanner) number() bool {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if !s.digits() {
		return false
	}
	if s.peek() == '.' {
		if s.at++; !s.digits() {
			return false
		}
	}
	if s.peek()|0x20 == 'e' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	from := s.at
	for isDigit(s.peek()) {
		s.at++
	}
	return s.at > from
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
