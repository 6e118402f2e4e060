# vagrant.rb VAGRANTFILE: prints what a Vagrantfile sets, each setter by its name, as JSON.
require "json"

class Recorder < BasicObject
  def initialize(settings)
    @settings = settings
  end

  def method_missing(name, *arguments, &block)
    @settings[name] = arguments[0] if name.end_with?("=")
    block&.call(self)
    self
  end

  def respond_to_missing?(*)
    true
  end
end

module Vagrant
  SETTINGS = {}

  def self.configure(_version)
    yield Recorder.new(SETTINGS)
  end
end

load ARGV[0]
puts JSON.generate(Vagrant::SETTINGS)
