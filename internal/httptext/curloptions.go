package httptext

import (
	"errors"
	"fmt"
	"strings"
)

// The options of curl that take a value and do not change what is sent, as far
// as a receiver can tell.
const valued = " abstract-unix-socket alt-svc cacert capath cert cert-type ciphers connect-timeout connect-to continue-at " +
	"cookie-jar create-file-mode crlfile curves delegation dns-interface dns-ipv4-addr dns-ipv6-addr dns-servers doh-url " +
	"dump-header ech egd-file engine etag-compare etag-save expect100-timeout ftp-account ftp-alternative-to-user ftp-method " +
	"ftp-port ftp-ssl-ccc-mode happy-eyeballs-timeout-ms haproxy-clientip hostpubmd5 hostpubsha256 hsts interface ip-tos " +
	"ipfs-gateway keepalive-cnt keepalive-time key key-type krb libcurl limit-rate local-port login-options mail-auth " +
	"mail-from mail-rcpt max-filesize max-redirs max-time netrc-file noproxy output output-dir parallel-max pass pinnedpubkey " +
	"preproxy proto proto-default proto-redir proxy proxy-cacert proxy-capath proxy-cert proxy-cert-type proxy-ciphers " +
	"proxy-crlfile proxy-header proxy-key proxy-key-type proxy-pass proxy-pinnedpubkey proxy-service-name proxy-tls13-ciphers " +
	"proxy-tlsauthtype proxy-tlspassword proxy-tlsuser proxy-user proxy1.0 pubkey quote random-file rate resolve retry " +
	"retry-delay retry-max-time sasl-authzid service-name socks4 socks4a socks5 socks5-gssapi-service socks5-hostname " +
	"speed-limit speed-time stderr telnet-option tftp-blksize time-cond tls-max tls13-ciphers tlsauthtype tlspassword tlsuser " +
	"trace trace-ascii trace-config unix-socket vlan-priority write-out "

// The options without a value that do not change what is sent either.
const switches = " anyauth append basic buffer ca-native cert-status clobber compressed-ssh create-dirs digest disable " +
	"disable-eprt disable-epsv disallow-username-in-url doh-cert-status doh-insecure eprt epsv fail fail-early " +
	"fail-with-body false-start form-escape globoff haproxy-protocol http0.9 http1.0 http1.1 http2 http2-prior-knowledge " +
	"http3 http3-only ignore-content-length include insecure ipv4 ipv6 junk-session-cookies keepalive list-only location " +
	"location-trusted metalink mptcp negotiate netrc netrc-optional no-alpn no-buffer no-clobber no-keepalive no-npn " +
	"no-progress-meter no-sessionid ntlm ntlm-wb parallel parallel-immediate path-as-is post301 post302 post303 progress-bar " +
	"progress-meter proxy-anyauth proxy-basic proxy-ca-native proxy-digest proxy-http2 proxy-insecure proxy-negotiate " +
	"proxy-ntlm proxy-ssl-allow-beast proxy-ssl-auto-client-cert proxy-tlsv1 proxytunnel raw remote-header-name remote-name " +
	"remote-name-all remote-time remove-on-error retry-all-errors retry-connrefused sasl-ir show-error show-headers silent " +
	"skip-existing socks5-basic socks5-gssapi socks5-gssapi-nec ssl ssl-allow-beast ssl-auto-client-cert ssl-no-revoke " +
	"ssl-reqd ssl-revoke-best-effort sslv2 sslv3 styled-output suppress-connect-headers tcp-fastopen tcp-nodelay " +
	"tftp-no-options tls-earlydata tlsv1 tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3 tr-encoding trace-ids trace-time use-ascii verbose xattr "

// ownSwitches and ownValued are the options that decide what is sent, and those
// that cannot be read without the files or the luck that they depend on.
const (
	ownSwitches = " compressed get head "
	ownValued   = " aws-sigv4 config cookie data data-ascii data-binary data-raw data-urlencode expand-data expand-header " +
		"expand-url form form-string header json oauth2-bearer range referer request request-target upload-file url url-query " +
		"user user-agent variable "
)

// short has the long name of each option of one letter.
const short = " a=append E=cert K=config C=continue-at b=cookie c=cookie-jar d=data q=disable D=dump-header f=fail F=form " +
	"P=ftp-port G=get g=globoff I=head H=header 0=http1.0 i=include k=insecure 4=ipv4 6=ipv6 " +
	"j=junk-session-cookies l=list-only L=location m=max-time n=netrc N=no-buffer o=output Z=parallel " +
	"#=progress-bar x=proxy U=proxy-user p=proxytunnel Q=quote r=range e=referer J=remote-header-name " +
	"O=remote-name R=remote-time X=request S=show-error s=silent Y=speed-limit y=speed-time 2=sslv2 3=sslv3 " +
	"t=telnet-option z=time-cond 1=tlsv1 T=upload-file B=use-ascii u=user A=user-agent v=verbose w=write-out "

// long is the long name of an option of one letter, "" if there is none.
func long(letter byte) string {
	_, rest, _ := strings.Cut(short, " "+string(letter)+"=")
	name, _, _ := strings.Cut(rest, " ")
	return name
}

func among(list, name string) bool { return strings.Contains(list, " "+name+" ") }

// options reads the words behind "curl".
func (r *curlRequest) options(args []word) error {
	for i, flags := 0, true; i < len(args); i++ {
		w := args[i]
		if !flags || !strings.HasPrefix(w.text, "-") || w.text == "-" {
			if err := r.setURL(w); err != nil {
				return err
			}
			continue
		}
		if w.text == "--" {
			flags = false
			continue
		}
		used, err := r.option(w, args[i+1:])
		if err != nil {
			return err
		}
		i += used
	}
	return nil
}

// option reads a word of options and says how many words behind it are their
// value.
func (r *curlRequest) option(w word, next []word) (used int, err error) {
	if name, ok := strings.CutPrefix(w.text, "--"); ok {
		switch {
		case among(valued+ownValued, name):
			if len(next) == 0 {
				return 0, fmt.Errorf("--%s has no value", name)
			}
			return 1, r.named(name, next[0])
		case among(switches, name) || among(switches, strings.TrimPrefix(name, "no-")):
			return 0, nil
		case among(ownSwitches, name):
			r.flag(name)
			return 0, nil
		}
		return 0, fmt.Errorf("the option --%.40s is not known here", name)
	}
	for at := 1; at < len(w.text); at++ {
		name := long(w.text[at])
		switch {
		case name == "":
			return 0, fmt.Errorf("the option -%c is not known here", w.text[at])
		case !among(valued+ownValued, name):
			r.flag(name)
		case at+1 < len(w.text):
			return 0, r.named(name, word{text: w.text[at+1:], open: w.open})
		case len(next) == 0:
			return 0, fmt.Errorf("-%c has no value", w.text[at])
		default:
			return 1, r.named(name, next[0])
		}
	}
	return 0, nil
}

func (r *curlRequest) flag(name string) {
	switch name {
	case "get":
		r.get = true
	case "head":
		r.head = true
	case "compressed":
		r.standard("Accept-Encoding", "deflate, gzip")
	}
}

// named takes an option and its value.
func (r *curlRequest) named(name string, w word) error {
	err := r.set(name, w)
	if err != nil {
		return fmt.Errorf("--%s: %w", name, err)
	}
	return nil
}

func (r *curlRequest) set(name string, w word) error {
	switch name {
	case "header":
		return r.header(w)
	case "data", "data-ascii":
		return r.addData("data", w)
	case "data-raw", "data-binary", "data-urlencode", "json":
		return r.addData(name, w)
	case "request":
		r.method = w.text
	case "url":
		return r.setURL(w)
	case "url-query":
		return r.addQuery(w.text)
	case "user":
		return r.credential("Authorization", basic(w.text), w.open)
	case "oauth2-bearer":
		return r.credential("Authorization", "Bearer "+w.text, w.open)
	case "user-agent":
		return r.credential("User-Agent", w.text, w.open)
	case "referer":
		return r.credential("Referer", strings.TrimSuffix(w.text, ";auto"), w.open)
	case "range":
		return r.credential("Range", "bytes="+w.text, w.open)
	case "cookie":
		if !strings.Contains(w.text, "=") {
			return errFile
		}
		return r.credential("Cookie", w.text, w.open)
	case "upload-file":
		if w.text != "-" && w.text != "." {
			return errFile
		}
		r.put = true
		return r.addData("data-binary", word{text: "@-"})
	case "config":
		return errFile
	case "form", "form-string":
		return errors.New("it makes a body of parts with a boundary by chance: no signature can be read from that")
	case "aws-sigv4", "request-target", "variable", "expand-data", "expand-header", "expand-url":
		return errors.New("it is not read here")
	}
	return nil
}

// credential sets a header for which curl has an option. An empty value takes
// it off.
func (r *curlRequest) credential(name, value string, open bool) error {
	if value == "" {
		r.unset = append(r.unset, name)
		return nil
	}
	if open {
		r.open = append(r.open, name)
	}
	r.standard(name, value)
	return checkField(field{name, value})
}

func (r *curlRequest) addQuery(text string) error {
	if rest, ok := strings.CutPrefix(text, "+"); ok {
		r.query = append(r.query, rest)
		return nil
	}
	q, err := urlencode(text)
	if err != nil {
		return err
	}
	r.query = append(r.query, q)
	return nil
}

func (r *curlRequest) setURL(w word) error {
	switch {
	case w.open:
		return fmt.Errorf("the URL %.80q holds a variable, whose value is not known here", w.text)
	case r.url != "":
		return fmt.Errorf("it has two URLs: %.80q and %.80q", r.url, w.text)
	case w.text == "":
		return errors.New("its URL is empty")
	}
	r.url = w.text
	return nil
}
