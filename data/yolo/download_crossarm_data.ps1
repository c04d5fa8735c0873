# Fetches the utility-poles photos from Roboflow, shows their licence, checks them and registers them as a dataset.
# Written by the NEXA Fine-Tuning Studio. Run it again after an interruption: the download goes on where it stopped.
#
#   $env:ROBOFLOW_API_KEY = '...'          your own key, from the settings page of your Roboflow account
#   .\download_crossarm_data.ps1           add -Yes to accept the licence without being asked
param([switch]$Yes)
Set-StrictMode -Version 3
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12

function Get-Setting([string]$Name, [string]$Default) {
    $value = [Environment]::GetEnvironmentVariable($Name)
    if ([string]::IsNullOrWhiteSpace($value)) { return $Default }
    return $value
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
New-Item -ItemType Directory -Force -Path $folder | Out-Null
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
if ($answer.PSObject.Properties['export'] -and $answer.export.PSObject.Properties['link']) { $link = [string]$answer.export.link }
if (-not $link.StartsWith('https://')) { Stop-With 'Roboflow has no export of this version yet. Open the data set once in the browser and choose Download.' }

if (-not (Test-Path $archive)) {
    Write-Host 'Downloading ...'
    try {
        if ($PSVersionTable.PSVersion.Major -ge 7) {
            Invoke-WebRequest -Uri $link -OutFile $part -Resume
        } else {
            # Windows PowerShell cannot resume by itself; curl.exe comes with Windows 10 and newer.
            & curl.exe --fail --silent --show-error --location --continue-at - --output $part $link
            if ($LASTEXITCODE -ne 0) { throw 'curl' }
        }
    } catch {
        Stop-With 'The download was interrupted. Run this again: it goes on where it stopped.'
    }
    & $python -m zipfile -t $part *> $null
    if ($LASTEXITCODE -ne 0) {
        Remove-Item -Force $part
        Stop-With 'What arrived is no whole zip archive. It was deleted; run this again.'
    }
    Move-Item -Force $part $archive
}

Write-Host ''
Write-Host 'Licence and origin, as the authors state them:'
if ($answer.PSObject.Properties['project'] -and $answer.project.PSObject.Properties['license']) { Write-Host "  licence: $($answer.project.license)" }
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
    $reply = Read-Host 'Do you accept this licence? Type yes'
    if ($reply -ne 'yes') { Stop-With "Not accepted: nothing was imported. The archive stays in $folder." }
}

Push-Location $studio
try { & $python -m core import yolo $archive --name $name; exit $LASTEXITCODE } finally { Pop-Location }
