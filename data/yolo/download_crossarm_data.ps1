# Fetches the utility-poles photos from Roboflow, shows their licence, checks them and registers them as a dataset.
# Written by the NEXA Fine-Tuning Studio. Run it again after an interruption: the download goes on where it stopped.
#
#   $env:ROBOFLOW_API_KEY = '...'          your own key, from the settings page of your Roboflow account
#   powershell -ExecutionPolicy Bypass -File .\download_crossarm_data.ps1
#                                          add -Yes to accept the licence without being asked
param([switch]$Yes)
Set-StrictMode -Version 3
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false
$ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12

function Get-Setting([string]$Name, [string]$Default) {
    $value = [Environment]::GetEnvironmentVariable($Name)
    if ([string]::IsNullOrWhiteSpace($value)) { return $Default }
    return $value
}
function Test-Archive([string]$Path) {
    # Windows PowerShell takes what a program writes to its error stream for an error of its own, unless told not to.
    $ErrorActionPreference = 'Continue'
    & $python -c 'import sys, zipfile; sys.exit(bool(zipfile.ZipFile(sys.argv[1]).testzip()))' $Path *> $null
    return $LASTEXITCODE -eq 0
}
function Stop-With([string]$Message) { [Console]::Error.WriteLine($Message); exit 1 }

$studio = Get-Setting 'NEXA_STUDIO' '@STUDIO@'
$python = Get-Setting 'NEXA_PYTHON' '@PYTHON@'
$space = Get-Setting 'ROBOFLOW_WORKSPACE' '@SPACE@'
$project = Get-Setting 'ROBOFLOW_PROJECT' '@PROJECT@'
$version = Get-Setting 'ROBOFLOW_VERSION' '@VERSION@'
$key = Get-Setting 'ROBOFLOW_API_KEY' ''
$name = "roboflow-$project-$version"
$folder = Join-Path (Get-Setting 'NEXA_DOWNLOADS' (Join-Path $studio 'data/downloads')) $name

if (-not $key) { Stop-With 'ROBOFLOW_API_KEY is not set. Set it to your own Roboflow key; it is never written to a file.' }
if (-not $space) { Stop-With "ROBOFLOW_WORKSPACE is not set. It is the first part of the data set's address: universe.roboflow.com/WORKSPACE/$project." }
# The full path: .NET and the import below do not start from the folder that PowerShell is in.
$folder = (New-Item -ItemType Directory -Force -Path $folder).FullName
$archive = Join-Path $folder 'data.zip'
$part = "$archive.part"

Write-Host "Asking Roboflow for $space/$project, version $version ..."
try {
    $answer = Invoke-RestMethod -TimeoutSec 120 -Uri "https://api.roboflow.com/$space/$project/$version/yolov8?api_key=$([Uri]::EscapeDataString($key))"
} catch {
    $status = 0
    if ($_.Exception.PSObject.Properties['Response'] -and $_.Exception.Response) { $status = [int]$_.Exception.Response.StatusCode }
    if ($status -in 401, 403) { Stop-With 'Roboflow refused the key or the data set is not yours to read. Nothing was changed.' }
    if ($status -eq 404) { Stop-With "Roboflow knows no $space/$project, version $version. Check the three names. Nothing was changed." }
    Stop-With 'Roboflow cannot be reached from this machine. Nothing was changed; run this again with a network.'
}
$link = ''
if ($answer -and $answer.PSObject.Properties['export'] -and $answer.export -and $answer.export.PSObject.Properties['link']) { $link = [string]$answer.export.link }
if (-not $link.StartsWith('https://')) { Stop-With 'Roboflow has no export of this version yet. Open the data set once in the browser and choose Download.' }

if (-not (Test-Path -LiteralPath $archive)) {
    Write-Host 'Downloading ...'
    try {
        if ($PSVersionTable.PSVersion.Major -ge 7) {
            Invoke-WebRequest -Uri $link -OutFile $part -Resume
        } else {
            # Windows PowerShell cannot resume by itself; curl.exe comes with Windows 10 and newer.
            & curl.exe --fail --silent --show-error --location --proto '=https' --continue-at '-' --output $part $link
            if ($LASTEXITCODE -ne 0) { throw 'curl' }
        }
    } catch {
        Stop-With 'The download was interrupted. Run this again: it goes on where it stopped.'
    }
    if (-not (Test-Archive $part)) {
        Remove-Item -Force -LiteralPath $part
        Stop-With 'What arrived is no whole zip archive. It was deleted; run this again.'
    }
    Move-Item -Force -LiteralPath $part -Destination $archive
}

Write-Host ''
Write-Host 'Licence and origin, as the authors state them:'
if ($answer.PSObject.Properties['project'] -and $answer.project -and $answer.project.PSObject.Properties['license']) { Write-Host "  licence: $($answer.project.license)" }
Add-Type -AssemblyName System.IO.Compression.FileSystem
$zip = [IO.Compression.ZipFile]::OpenRead($archive)
try {
    foreach ($entry in $zip.Entries) {
        if ($entry.FullName -match '^(?i)(readme|licen[sc]e)[^/]*$') {
            $reader = New-Object IO.StreamReader($entry.Open())
            try { Write-Host $reader.ReadToEnd() } finally { $reader.Dispose() }
        }
    }
} finally { $zip.Dispose() }
if (-not $Yes) {
    $reply = ''
    try { $reply = Read-Host 'Do you accept this licence? Type yes' } catch { Write-Host 'Nobody can be asked here; add -Yes.' }
    if ($reply -ne 'yes') { Stop-With "Not accepted: nothing was imported. The archive stays in $folder." }
}

Push-Location $studio
try { & $python -m core import yolo $archive --name $name; exit $LASTEXITCODE } finally { Pop-Location }
