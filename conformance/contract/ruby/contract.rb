#!/usr/bin/ruby
# The contract (../README.md) in Ruby, on the library fcgi in its pure Ruby form (its compiled form does not load in the
# Ruby 3.1 of Debian 12); responder, authorizer and filter.
#
# The library collects all input before it gives us the request, and sends all output after: so early, unread and cached
# are not offered; nor status, which is always 0, nor wait.

require 'fcgi'

OPERATIONS = {
  'authorize' => ->(_, _) {},
  'data' => ->(request, _) { request.out.write request.data.string },
  'deny' => ->(request, _) { request.out.write "denied\n" },
  'echo' => ->(request, _) { request.out.write request.in.read },
  'error' => ->(request, size) { write_error request, size.to_i },
  # The library's own way to end once this request has been answered.
  'exit' => ->(request, _) { request.out.write "bye\n"; Process.kill :USR1, Process.pid },
  'hello' => ->(request, _) { request.out.write "fcgispec contract 1: #{OPERATIONS.keys.join ' '}\n" },
  'large' => ->(request, size) { request.out.write cycle('0123456789abcdef', size.to_i) },
  'length' => ->(request, _) { request.out.write "#{request.in.read.bytesize}\n" },
  'params' => ->(request, prefix) { write_params request, prefix.b },
  'stderr' => ->(request, size) { write_error request, size.to_i },
  'update' => lambda do |request, _|
    complete = request.in.read.bytesize == request.env['CONTENT_LENGTH'].to_i
    request.out.write complete ? "complete\n" : "incomplete\n"
  end
}.freeze
FIELDS = {
  'authorize' => ->(_) { "Status: 200\r\nVariable-FCGISPEC: yes\r\n" },
  'data' => lambda do |request|
    request.data.string.bytesize < request.env['FCGI_DATA_LENGTH'].to_i ? "Status: 500\r\n" : ''
  end,
  'deny' => ->(_) { "Status: 403\r\n" }
}.freeze
TAKES_NUMBER = %w[error large stderr].freeze

def cycle(text, size)
  (text * (size / text.size + 1))[0, size]
end

def write_error(request, size)
  request.err.write cycle('e', size)
  request.out.write "ok\n"
end

def escaped(text, also)
  text.gsub(/[^\x21-\x7e]|[%#{also}]/n) { |byte| format '%%%02X', byte.ord }
end

def write_params(request, prefix)
  pairs = request.env.map { |name, value| [name.b, value.b] }
  pairs.select { |name, _| name.start_with? prefix }.sort.each do |name, value|
    request.out.write "#{escaped name, '='}=#{escaped value, ''}\n"
  end
end

def fits?(name, argument)
  OPERATIONS.key?(name) && (!TAKES_NUMBER.include?(name) || argument.match?(/\A\d{1,10}\z/))
end

FCGI.each do |request|
  [request.in, request.out, request.err, request.data].each(&:binmode)
  request.out.write "Content-Type: text/plain\r\n"
  _, name, argument = *request.env['QUERY_STRING'].to_s.b.match(/\Afcgispec\.([^=]*)=?(.*)/mn)
  if name.nil? then request.out.write "\r\nhello\n"
  elsif !fits?(name, argument) then request.out.write "\r\nunsupported\n"
  else
    request.out.write "#{FIELDS[name]&.call request}\r\n"
    OPERATIONS[name].call request, argument
  end
end
