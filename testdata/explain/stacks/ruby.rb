# Writes bodies as apps on Ruby do, see node.js.
require "json"
require "base64"
require "uri"

HTML = { ">" => '\u003e', "<" => '\u003c', "&" => '\u0026', "\u2028" => '\u2028', "\u2029" => '\u2029' }.freeze
JOBS = {
  "to_json" => ->(b) { JSON.parse(b).to_json },
  # ActiveSupport's, which escapes HTML in what the json gem makes.
  "rails" => ->(b) { JSON.parse(b).to_json.gsub(/[<>&\u2028\u2029]/, HTML) },
  "pretty" => ->(b) { JSON.pretty_generate(JSON.parse(b)) },
  "to_s" => ->(b) { JSON.parse(b).to_s },
  "form" => ->(b) { URI.encode_www_form(URI.decode_www_form(b)) },
  "form-json" => ->(b) { URI.decode_www_form(b).to_h.to_json },
  "base64" => ->(b) { Base64.encode64(b) },
}.freeze

$stdin.each_line do |line|
  r = JSON.parse(line)
  body = Base64.decode64(r["body"]).force_encoding("UTF-8")
  puts Base64.strict_encode64(JOBS.fetch(r["job"]).call(body))
  $stdout.flush
end
