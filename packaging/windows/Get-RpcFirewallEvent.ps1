# SPDX-License-Identifier: Apache-2.0
<#
.SYNOPSIS
Reads the event log RPCFW as objects whose properties have names.

.DESCRIPTION
Works in Windows PowerShell 5.1 and later, without administrator rights for members of Event Log Readers.
.EXAMPLE
.\Get-RpcFirewallEvent.ps1 -Kind Blocked -Since (Get-Date).AddDays(-1) | Group-Object InterfaceUuid, Opnum, ClientAddress

.EXAMPLE
.\Get-RpcFirewallEvent.ps1 -Kind Gaps | Format-Table Time, ImagePath, ProcessId, Reason, CoveredBy

.EXAMPLE
.\Get-RpcFirewallEvent.ps1 -Path D:\collected\RPCFW.evtx | Export-Csv calls.csv -NoTypeInformation
#>
[CmdletBinding(DefaultParameterSetName = 'Live')]
param(
    # Which events: calls let through or blocked, calls that were blocked, processes that could not be protected.
    [ValidateSet('All', 'Calls', 'Blocked', 'Gaps')] [string] $Kind = 'All',
    # Not older than this.
    [datetime] $Since,
    # At most so many, the newest first.
    [ValidateRange(1, [int64]::MaxValue)] [int64] $MaxEvents,
    # Another computer's log.
    [Parameter(ParameterSetName = 'Live')] [string] $ComputerName,
    # The log to read; ForwardedEvents on a collector.
    [Parameter(ParameterSetName = 'Live')] [string] $LogName = 'RPCFW',
    # A saved log file (.evtx) in its place.
    [Parameter(ParameterSetName = 'File', Mandatory = $true)] [string] $Path
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

# The insertion strings of each event in their order, which never changes (docs/events.md).
$Fields = @{
    1  = @('ImagePath', 'ProcessId')
    2  = @('ImagePath', 'ProcessId')
    3  = @('RuntimeFunction', 'ProcessId', 'ImagePath', 'ProtocolSequence', 'Endpoint', 'ClientAddress', 'InterfaceUuid',
           'Opnum', 'Principal', 'AuthenticationLevel', 'AuthenticationService', 'ClientPort', 'ServerAddress',
           'ServerPort', 'Sid')
    4  = @('ImagePath', 'ProcessId', 'PolicyGeneration')
    5  = @('ImagePath', 'ProcessId', 'PolicyGeneration', 'Reason')
    6  = @('ImagePath', 'ProcessId', 'EventsLost', 'Reason')
    7  = @('ImagePath', 'ProcessId', 'PolicyGeneration', 'PolicyFile')
    8  = @('ImagePath', 'ProcessId', 'PolicyGeneration', 'PolicyFile', 'Reason')
    9  = @('ImagePath', 'ProcessId', 'Reason', 'CoveredBy')
    10 = @('ImagePath', 'ProcessId', 'Version')
    11 = @('ImagePath', 'ProcessId', 'Reason')
}
$AuditFailure = 0x10000000000000

$filter = @{ ProviderName = 'RPCFW' }
if ($PSCmdlet.ParameterSetName -eq 'File') { $filter.Path = $Path } else { $filter.LogName = $LogName }
if ($PSBoundParameters.ContainsKey('Since')) { $filter.StartTime = $Since }
switch ($Kind) {
    'Calls' { $filter.Id = 3 }
    'Blocked' { $filter.Id = 3; $filter.Keywords = $AuditFailure }
    'Gaps' { $filter.Id = 9 }
}

$query = @{ FilterHashtable = $filter }
if ($PSBoundParameters.ContainsKey('ComputerName')) { $query.ComputerName = $ComputerName }
if ($PSBoundParameters.ContainsKey('MaxEvents')) { $query.MaxEvents = $MaxEvents }

try {
    Get-WinEvent @query | ForEach-Object {
        $fieldsOfEvent = [ordered]@{ Time = $_.TimeCreated; Computer = $_.MachineName; Id = $_.Id }
        if ($_.Id -eq 3) { $fieldsOfEvent.Blocked = ($_.Keywords -band $AuditFailure) -ne 0 }
        $names = $Fields[[int]$_.Id]
        for ($i = 0; $i -lt $_.Properties.Count; $i++) {
            $name = if ($names -and $i -lt $names.Count) { $names[$i] } else { "String$($i + 1)" }
            $fieldsOfEvent[$name] = $_.Properties[$i].Value
        }
        [pscustomobject] $fieldsOfEvent
    }
} catch {
    # That there are none is an answer, no failure.
    if ($_.FullyQualifiedErrorId -notlike 'NoMatchingEventsFound*') { throw }
}
