package resourceserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// What is taken for an object is one for encoding/json too, which reads the same from it.
func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, `{"a":1,"a":2}`, `{"a":{"b":[1,2,{"c":null}]}}`, `{"a":"\u0061\ud83d\ude00\n"}`, `{"\u0061":1,"a":2}`, `{"a":1e400,"b":-0.5E+7}`,
		`{"a":01}`, `{"a":+1}`, `{"a":.5}`, `{"a":1.}`, `{"a":tru}`, `{"a":"` + "\x01" + `"}`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a",1}`, `{,}`, `{"a":1,}`, `[]`, ` { } `,
		"{\"a\":\"\xff\"}", `{"a":[1,]}`, `{"a":[[[[]]]]}`, `{"":""}`, `{"a":1}{}`, `{"a":"`, `{`, ``, strings.Repeat(`{"a":`, 40),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parseObject(text)
		var known map[string]json.RawMessage
		valid := json.Unmarshal([]byte(text), &known) == nil && known != nil && utf8.ValidString(text)
		if err != nil {
			return // it may be stricter
		}
		if !valid || len(known) != len(o.members) {
			t.Fatalf("%q is taken", text)
		}
		for _, m := range o.members {
			if string(known[m.name]) != m.value {
				t.Fatalf("%q: %q is %q, want %q", text, m.name, m.value, known[m.name])
			}
			var want string
			isText := json.Unmarshal([]byte(m.value), &want) == nil && m.value[0] == '"'
			read := object{members: o.members}
			if got := read.text(m.name); isText != (read.err == nil) || isText && got != want {
				t.Fatalf("%q: %q is the text %q, want %q", text, m.name, got, want)
			}
			var all []string
			isTexts := m.value[0] == '[' && !strings.Contains(m.value, "null") && json.Unmarshal([]byte(m.value), &all) == nil
			read = object{members: o.members}
			if got := read.texts(m.name); isTexts != (read.err == nil) && !strings.Contains(m.value, "null") || isTexts && strings.Join(got, "\x00") != strings.Join(all, "\x00") {
				t.Fatalf("%q: %q are the texts %q, want %q", text, m.name, got, all)
			}
			read.time(m.name)
			read.integer(m.name)
			read.object(m.name)
			read.objects(m.name)
			read.bytes(m.name)
		}
	})
}

func FuzzParseToken(f *testing.F) {
	for _, seed := range []string{
		"", "..", "e30.e30.", "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJ4In0.AAAA", "eyJhbGciOiJub25lIn0.e30.", "e30.e30.e30.e30",
		"eyJjcml0IjpbXX0.e30.AA", "e30.\ne30.AA", "e31.e30.AA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		j, err := parseJWS(token)
		if err != nil {
			return
		}
		if again := j.signed + "." + encoding.EncodeToString(j.signature); again != token {
			t.Fatalf("%q is read as %q", token, again)
		}
		_, _, _ = (&Verifier{}).readClaims(&j)
	})
}

// Nothing but what was encrypted to a key is read, and that only as it was written.
func FuzzDecrypt(f *testing.F) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	keys, err := newDecryptionKeys([]DecryptionKey{{ID: "a", Private: private}})
	if err != nil {
		f.Fatal(err)
	}
	header := func(text string) string { return encoding.EncodeToString([]byte(text)) }
	for _, seed := range []string{
		"....", "a.b.c.d.e", header(`{"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"a"}`) + ".AAAA.AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
		header(`{"alg":"ECDH-ES","enc":"A256GCM","kid":"a","epk":{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"},"apu":"QWxpY2U","apv":"Qm9i"}`) +
			"..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
		header(`{"alg":"PBES2-HS512+A256KW","enc":"A256GCM","p2c":4294967295,"p2s":"AA"}`) + ".AAAA.AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
		header(`{"alg":"dir","enc":"A256GCM","zip":"DEF"}`) + "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if plain, _, err := keys.decrypt(token); err == nil {
			t.Fatalf("%q is read as %q", token, plain)
		} else if !errors.Is(err, errDecryption) {
			t.Fatal(err)
		}
	})
}

func FuzzParseKeySet(f *testing.F) {
	for _, seed := range []string{
		`{"keys":[]}`, `{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"AA","y":"AA"}]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		`{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}`, `{"keys":{}}`, `{"keys":[1]}`, `{}`,
		`{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := parseKeySet(text)
		for kid, k := range keys {
			if err != nil || kid == "" || k.kid != kid || k.alg == "" || !k.public.Equal(k.public) {
				t.Fatalf("%q: %q is %+v", text, kid, k)
			}
			k.verify(&jws{alg: k.alg, signature: make([]byte, 64)})
		}
	})
}

func FuzzParseMetadata(f *testing.F) {
	for _, seed := range []string{`{"issuer":"https://id.example","jwks_uri":"https://id.example/jwks"}`, `{"issuer":"https://id.example"}`, `{"issuer":1}`, `[]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		uri, err := parseMetadata(text, "https://id.example")
		if err != nil {
			return
		}
		if u, err := (&fetcher{}).checkURL(uri); err == nil && (u.Host == "" || u.Scheme != "https" && !isLoopback(u.Hostname())) {
			t.Fatalf("%q may be fetched", uri)
		}
	})
}

func FuzzParseStatusList(f *testing.F) {
	for _, seed := range []string{
		`{"sub":"https://id.example/1","iat":1,"ttl":10,"status_list":{"bits":1,"lst":"eNrbuRgAAhcBXQ"}}`, `{"sub":"https://id.example/1","iat":1,"status_list":{"bits":2,"lst":"eNo76fITAAPfAgc"}}`,
		`{"sub":"https://id.example/1","iat":1,"status_list":{"bits":8,"lst":"eNpjYAAAAAEAAQ"}}`, `{"sub":"https://id.example/1","iat":1,"ttl":-1,"status_list":{"bits":1,"lst":""}}`,
		`{"sub":"https://id.example/1","iat":1,"exp":99999999999,"status_list":[]}`, `{}`,
	} {
		f.Add(seed)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	signer := &key{kid: "a", alg: algES256, public: &private.PublicKey}
	header := encoding.EncodeToString([]byte(`{"alg":"ES256","kid":"a","typ":"statuslist+jwt"}`))
	f.Fuzz(func(t *testing.T, text string) {
		signed := header + "." + encoding.EncodeToString([]byte(text))
		signature := signES256(t, private, signed)
		l, err := parseStatusList(signed+"."+encoding.EncodeToString(signature), "https://id.example", "https://id.example/1", time.Second, func(string) (*key, error) { return signer, nil })
		if err != nil {
			return
		}
		if l.entries.Size() > 8*maxListSize || l.ttl < minTTL || l.ttl > maxTTL {
			t.Fatalf("%q is %+v", text, l)
		}
		for _, index := range []int{-1, 0, l.entries.Size() - 1, l.entries.Size()} {
			_, _ = l.entries.Get(index)
		}
	})
}

func FuzzApplyEvent(f *testing.F) {
	for _, seed := range []string{
		`{"sub_id":{"format":"jwt_id","iss":"https://id.example","jti":"a"},"events":{"` + sessionRevoked + `":{"event_timestamp":1}}}`,
		`{"sub_id":{"format":"complex","user":{"format":"complex"}},"events":{"` + sessionRevoked + `":{}}}`,
		`{"sub_id":{"format":"uri","uri":"https://id.example"},"events":{"` + tokenClaimsChange + `":{"claims":{"aud":"a","roles":[]}}}}`,
		`{"sub_id":{"format":"opaque","id":"k"},"events":{"` + sessionRevoked + `":{"event_timestamp":1e99}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parseObject(text)
		if err != nil {
			return
		}
		e := &events{issuer: "https://id.example", audience: "a", revocations: newRevocations(), keys: newKeyring(nil, "", time.Hour, slog.New(slog.DiscardHandler))}
		_ = e.apply(event{issued: time.Now(), claims: o})
		e.revocations.revoked(&Claims{ID: "a"})
		if _, err := e.read(context.Background(), text); err == nil {
			t.Fatal("an event without a signature is read")
		}
	})
}
